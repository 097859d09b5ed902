import { expect, test } from 'vitest'
import { lastMonths } from './months'

test('months go back over the year, each from its first to its last day', () =>
  expect(lastMonths(new Date('2024-03-31T23:30:00Z'), 4)).toEqual([
    { from: '2024-03-01', to: '2024-03-31' },
    { from: '2024-02-01', to: '2024-02-29' },
    { from: '2024-01-01', to: '2024-01-31' },
    { from: '2023-12-01', to: '2023-12-31' },
  ]))
