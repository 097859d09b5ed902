import { expect, test } from 'vitest'
import type { ConceptProgress, PlannedWeek } from './api'
import { byId, currentWeek, daysOf, stateOf } from './state'
import { layOut } from './layout'

const concept = (concept_id: string, state: string, mark: string | null = null) => ({ concept_id, state, mark }) as ConceptProgress
const week = (number: number, ...ids: string[]) => ({ number, starts_on: null, hours: 1, items: ids.map(id => ({ concept_id: id, title: id, hours: 1 })) }) as PlannedWeek

test('what a learner says counts, and takes away no mastery', () => {
  expect(stateOf(concept('a', 'not_started', 'known'))).toBe('known')
  expect(stateOf(concept('a', 'mastered', 'learning'))).toBe('mastered')
  expect(stateOf(concept('a', 'not_started', 'learning'))).toBe('learning')
  expect(stateOf(undefined)).toBe('not_started')
})

test('the current week is the first with something left', () => {
  const progress = byId([concept('a', 'mastered'), concept('b', 'not_started', 'known'), concept('c', 'learning')])
  expect(currentWeek([week(1, 'a', 'b'), week(2, 'b', 'c')], progress)).toBe(2)
  expect(currentWeek([week(1, 'a', 'b')], progress)).toBeNull()
})

test('a week ends on its seventh day, over the end of a month', () => {
  const [from, to] = daysOf({ ...week(1, 'a'), starts_on: '2026-12-28' })!
  expect([from.toISOString().slice(0, 10), to.toISOString().slice(0, 10)]).toEqual(['2026-12-28', '2027-01-03'])
})

test('prerequisites are laid out above what needs them, without overlap', async () => {
  const graph = await layOut([
    { id: 'a', prerequisites: [] },
    { id: 'b', prerequisites: ['a'] },
    { id: 'c', prerequisites: ['a', 'gone'] },
    { id: 'd', prerequisites: ['b', 'c'] },
  ])
  const top = Object.fromEntries(graph.nodes.map(node => [node.id, node.y]))
  expect(top.a!).toBeLessThan(top.b!)
  expect(top.c!).toBeLessThan(top.d!)
  expect(graph.edges).toHaveLength(4)
  const [b, c] = ['b', 'c'].map(id => graph.nodes.find(node => node.id === id)!)
  expect(Math.abs(b!.x - c!.x)).toBeGreaterThanOrEqual(graph.nodeWidth)
})
