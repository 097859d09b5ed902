import { expect, test } from 'vitest'
import type { Attempt, Item } from './api'
import { startRound, takeStep, type Round, type Step } from './round'

const item = (id: string) => ({ id, kind: 'choice', question: id }) as Item
const attempt = (outcome: string, rating: string | null = null) => ({ outcome, rating }) as Attempt
const run = (round: Round, ...steps: Step[]): Round => steps.reduce(takeStep, round)

test('what is wrong comes once more at the end, and counts once', () => {
  const start = startRound([item('a'), item('b')])
  const first = run(start, { type: 'send' }, { type: 'graded', attempt: attempt('wrong') }, { type: 'next' }, { type: 'graded', attempt: attempt('correct') }, { type: 'next' })
  expect(first.queue.map(entry => [entry.item.id, entry.again])).toEqual([['a', false], ['b', false], ['a', true]])
  const end = run(first, { type: 'graded', attempt: attempt('wrong') }, { type: 'next' })
  expect(end.phase).toBe('done')
  expect(end.queue).toHaveLength(3)
  expect(end.results.filter(result => !result.again).map(result => result.outcome)).toEqual(['wrong', 'correct'])
})

test('an answer that nobody can grade waits for the learner', () => {
  const shown = run(startRound([item('a')]), { type: 'send' }, { type: 'graded', attempt: attempt('ungraded') })
  expect(shown.phase).toBe('ungraded')
  const failed = run(shown, { type: 'send' }, { type: 'failed', error: 'x' })
  expect(failed.phase).toBe('ungraded')
  const graded = run(failed, { type: 'graded', attempt: attempt('ungraded', 'again') })
  expect(graded.phase).toBe('graded')
  expect(graded.results[0]!.outcome).toBe('wrong')
})

test('a kept answer goes on without being graded', () => {
  const kept = run(startRound([item('a'), item('b')]), { type: 'send' }, { type: 'kept' }, { type: 'next' })
  expect([kept.phase, kept.at, kept.results[0]!.outcome]).toEqual(['answering', 1, 'kept'])
})

test('no questions is the end', () => expect(startRound([]).phase).toBe('done'))
