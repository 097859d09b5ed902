import { expect, test } from 'vitest'
import type { Schema } from '@/api/types'
import { thisWeek } from './week'

const plan = (states: string[], dates: (string | null)[] = []) =>
  ({
    concepts: states.map((state, index) => ({ concept_id: `c${index}`, title: `C${index}`, state })),
    weeks: states.map((_, index) => ({ number: index + 1, starts_on: dates[index] ?? null, hours: 1, items: [{ concept_id: `c${index}`, title: `C${index}`, hours: 1 }] })),
  }) as unknown as Schema['RoadmapProgress']

test('without dates: the first week that is not mastered', () => {
  expect(thisWeek(plan(['mastered', 'learning', 'not_started']), '2026-03-01')?.number).toBe(2)
})
test('with dates: the week that has begun', () => {
  expect(thisWeek(plan(['not_started', 'not_started', 'not_started'], ['2026-02-16', '2026-02-23', '2026-03-02']), '2026-03-01')?.number).toBe(2)
})
test('a week that is done already gives way to what is open', () => {
  expect(thisWeek(plan(['learning', 'mastered'], ['2026-02-16', '2026-02-23']), '2026-03-01')?.number).toBe(1)
})
test('all mastered: nothing', () => {
  expect(thisWeek(plan(['mastered']), '2026-03-01')).toBeNull()
})
