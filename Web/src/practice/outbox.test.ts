import { beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '@/api/problem'
import { meQuery } from '@/api/queries'
import { queries } from '@/app/query'

const sent = vi.hoisted(() => ({ send: vi.fn() }))
vi.mock('./api', () => ({ sendAttempt: sent.send }))

const key = 'lyceum.practice.outbox.ada'
const signIn = (subject: string) => queries.setQueryData(meQuery.queryKey, { subject } as never)
const stored = () => (JSON.parse(localStorage.getItem(key) ?? '[]') as { body: { attempt_id: string; self_grade?: string } }[]).map(one => one.body)
const answer = (id: string, extra = {}) => ({ item: `item-${id}`, body: { attempt_id: id, answer: 'x', ...extra } })

beforeEach(() => {
  localStorage.clear()
  signIn('ada')
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

test('answers of one person are not sent by the next one at this device', async () => {
  const { keepAnswer, sendWaiting } = await import('./outbox')
  keepAnswer(answer('e'))
  signIn('ben')
  await sendWaiting()
  expect(sent.send).not.toHaveBeenCalled()
  signIn('ada')
  sent.send.mockResolvedValue({})
  await sendWaiting()
  expect(sent.send).toHaveBeenCalledOnce()
})
