import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ask } from './ask'
import { StreamClient } from './client'
import { FakeStream } from './fake'
import type { ToHub, ToTab } from './protocol'

let sent: Request[]
let streams: FakeStream[]
let answers: (() => Response | Promise<Response>)[]
let toHub: ToHub[]
let tell: (message: ToTab) => void
let client: StreamClient
let message: string

beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  streams = []
  answers = []
  toHub = []
  message = crypto.randomUUID()
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const request = typeof input === 'string' ? new Request(new URL(input, location.origin), init) : input
    sent.push(request)
    const answer = answers.shift()
    if (answer) return answer()
    const stream = new FakeStream(request.url, request.signal)
    streams.push(stream)
    return stream.response
  })
  client = new StreamClient('person', (_person, receive) => {
    tell = receive
    return { post: one => toHub.push(one), close: () => {} }
  })
})
afterEach(() => {
  client.close()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const soon = (ms = 100) => vi.advanceTimersByTimeAsync(ms)
const start = () => ({ event: 'start', data: { conversation_id: 'C', message_id: message, question_id: 'Q' } })
const delta = (end: number, text: string) => ({ event: 'delta', id: String(end), data: { text } })
const keys = () => sent.filter(one => one.url.endsWith('/chat')).map(one => one.headers.get('idempotency-key'))
const refusal = (status: number, code: string, headers: Record<string, string> = {}) => () => Response.json({ status, code }, { status, headers })

test('Question_Started_ReadsItsResponseUntilTheConnectionCarriesTheAnswer', async () => {
  const asking = ask(client, { message: 'why?' }, { key: 'K' })
  await soon()
  streams[0]!.say(start(), delta(3, '植'))
  const { store } = await asking
  await soon()
  expect(store.get()).toMatchObject({ text: '植', phase: 'streaming' })
  expect(toHub).toContainEqual({ type: 'follow', message, after: 0 })
  expect(streams[0]!.aborted).toBe(false)
  tell({ type: 'answer', message, event: delta(3, '植') as never })
  tell({ type: 'answer', message, event: delta(6, '物') as never })
  await soon()
  expect(streams[0]!.aborted).toBe(true)
  expect(store.get()).toMatchObject({ text: '植物', bytes: 6 })
})

test('Question_ResponseBreaksAfterStart_IsNotAskedAgain', async () => {
  const asking = ask(client, { message: 'why?' }, { key: 'K' })
  await soon()
  streams[0]!.say(start())
  const { store } = await asking
  streams[0]!.break()
  tell({ type: 'connection', state: 'broken' })
  await soon(5000)
  expect(keys()).toEqual(['K'])
  expect(store.get().phase).toBe('reconnecting')
})

test.each([
  ['a broken network', () => Promise.reject(new TypeError('network'))],
  ['a proxy that gave up', () => new Response('<html>', { status: 502, headers: { 'content-type': 'text/html' } })],
  ['a page of a proxy', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['a database that is away', refusal(503, 'database_unavailable', { 'retry-after': '1' })],
  ['too much to do', refusal(429, 'overloaded', { 'retry-after': '1' })],
  ['a stream that ends before its start', () => new Response('', { headers: { 'content-type': 'text/event-stream' } })],
])('Question_%s_IsSentAgainWithItsKey', async (_name, answer) => {
  answers.push(answer)
  const asking = ask(client, { message: 'why?' }, { key: 'K' })
  await soon(2000)
  streams[0]!.say(start())
  await asking
  expect(keys()).toEqual(['K', 'K'])
})

test.each([
  [409, 'answer_in_progress'],
  [400, 'invalid_request'],
  [429, 'budget_exhausted'],
  [403, 'guardian_consent_required'],
])('Question_Refused_%i_%s_IsThrown', async (status, code) => {
  answers.push(refusal(status, code))
  await expect(ask(client, { message: 'why?' }, { key: 'K' })).rejects.toMatchObject({ status, code })
})

test('Question_SignInRanOut_IsRenewedAndSentOnce', async () => {
  answers.push(refusal(401, 'unauthorized'), () => new Response('{}'))
  const asking = ask(client, { message: 'why?' }, { key: 'K' })
  await soon()
  streams[0]!.say(start())
  await asking
  expect(keys()).toEqual(['K', 'K'])
})

test('Question_TakenBack_IsNotSentAgain', async () => {
  answers.push(() => Promise.reject(new TypeError('network')))
  const cancel = new AbortController()
  const asking = ask(client, { message: 'why?' }, { key: 'K', signal: cancel.signal })
  const refused = expect(asking).rejects.toThrow()
  await soon()
  cancel.abort()
  await refused
  await soon(60_000)
  expect(keys()).toEqual(['K'])
})

test('Answer_ManyDeltas_ShownTwentyTimesASecond', async () => {
  const asking = ask(client, { message: 'why?' }, { key: 'K' })
  await soon()
  streams[0]!.say(start())
  const { store } = await asking
  let shown = 0
  store.subscribe(() => shown++)
  for (let end = 1; end <= 200; end++) {
    streams[0]!.say(delta(end, 'x'))
    await soon(5)
  }
  expect(store.get().bytes).toBeGreaterThan(190)
  expect(shown).toBeLessThanOrEqual(21)
})
