import { beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '@/api/problem'

const sent = vi.hoisted(() => ({ send: vi.fn() }))
vi.mock('./api', () => ({ sendAttempt: sent.send }))

const key = 'lyceum.practice.outbox'
const stored = () => (JSON.parse(localStorage.getItem(key) ?? '[]') as { body: { attempt_id: string; self_grade?: string } }[]).map(one => one.body)
const answer = (id: string, extra = {}) => ({ item: `item-${id}`, body: { attempt_id: id, answer: 'x', ...extra } })

beforeEach(() => {
  localStorage.clear()
  sent.send.mockReset()
  vi.useFakeTimers()
})

test('answers are kept, and sent in their order when the server is back', async () => {
  const { keepAnswer, sendWaiting } = await import('./outbox')
  keepAnswer(answer('a'))
  keepAnswer(answer('b'))
  keepAnswer(answer('a', { self_grade: 'good' }))
  expect(stored().map(body => [body.attempt_id, body.self_grade])).toEqual([['b', undefined], ['a', 'good']])

  sent.send.mockRejectedValueOnce(new Problem(0))
  await sendWaiting()
  expect(stored()).toHaveLength(2)

  sent.send.mockResolvedValue({})
  await vi.advanceTimersByTimeAsync(15_000)
  expect(sent.send.mock.calls.slice(1).map(call => call[0])).toEqual(['item-b', 'item-a'])
  expect(localStorage.getItem(key)).toBeNull()
})

test('what the server refuses for good is dropped, what passes waits', async () => {
  const { keepAnswer, sendWaiting } = await import('./outbox')
  keepAnswer(answer('c'))
  keepAnswer(answer('d'))
  sent.send.mockRejectedValueOnce(new Problem(404, { code: 'practice_item_not_found' })).mockRejectedValueOnce(new Problem(429))
  await sendWaiting()
  expect(stored().map(body => body.attempt_id)).toEqual(['d'])
})
