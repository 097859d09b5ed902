import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '@/api/problem'
import type { AudioPiece, Connection, Position } from './protocol'
import { LiveSession } from './session'

/** What the page opens instead of a socket: the test is the engine. */
class Engine {
  readyState = 0
  bufferedAmount = 0
  binaryType = ''
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: (() => void) | null = null
  readonly got: Record<string, unknown>[] = []
  readonly sound: ArrayBuffer[] = []
  constructor(readonly url: string) {}
  send(data: string | ArrayBuffer) {
    if (typeof data === 'string') this.got.push(JSON.parse(data) as Record<string, unknown>)
    else this.sound.push(data)
  }
  close() {
    this.readyState = 3
  }
  say(...events: object[]) {
    for (const event of events) this.onmessage?.({ data: JSON.stringify(event) })
  }
  sayBytes(count: number) {
    this.onmessage?.({ data: new ArrayBuffer(count) })
  }
  accept(handle: string, last = 0) {
    this.readyState = 1
    this.say({ type: 'session', session_id: 's1', resume: handle, resumed: last > 0, last_seq: last, expires_at: '' })
  }
  breakOff() {
    this.readyState = 3
    this.onclose?.()
  }
}

const connection = (id: string, token: string): Connection => ({ session_id: id, engine_url: `ws://engine/ws/${id}?token=${token}`, engine_token: token, status: 'active', expires_at: '' })

let sockets: Engine[]
let played: Position | null
const pieces: [AudioPiece, number][] = []
const hush = vi.fn()
const connect = vi.fn<(id: string) => Promise<Connection>>()
const last = () => sockets.at(-1)!

async function begin() {
  const session = new LiveSession({
    create: () => Promise.resolve(connection('s1', 't1')),
    connect,
    open: url => {
      const engine = new Engine(url)
      sockets.push(engine)
      return engine as unknown as WebSocket
    },
    onAudio: (piece, bytes) => pieces.push([piece, bytes.byteLength]),
    onHush: hush,
    played: () => played,
  })
  await session.start()
  last().accept('h1')
  return session
}

beforeEach(() => {
  vi.useFakeTimers()
  sockets = []
  played = null
  pieces.length = 0
  connect.mockReset()
  hush.mockReset()
})
afterEach(() => vi.useRealTimers())

test('a question is confirmed, answered in pieces, and complete', async () => {
  const session = await begin()
  session.say('What is a prime?')
  const [sent] = last().got
  expect(sent).toMatchObject({ type: 'text', content: 'What is a prime?' })
  expect(session.get().waiting).toHaveLength(1)
  last().say({ type: 'accepted', seq: 1, turn: 1, id: sent!.id }, { type: 'delta', seq: 2, turn: 1, content: 'A num' }, { type: 'delta', seq: 3, turn: 1, content: 'ber' })
  expect(session.get().waiting).toEqual([])
  expect(session.get().turns[0]).toMatchObject({ question: 'What is a prime?', answer: 'A number', state: 'answering' })
  last().say({ type: 'text', seq: 4, turn: 1, content: 'A number …', finish_reason: 'stop', citations: [{ number: 1, title: 'Primes' }] })
  expect(session.get().turns[0]).toMatchObject({ answer: 'A number …', state: 'complete', citations: [{ number: 1 }] })
})

test('what was seen is acknowledged, once', async () => {
  await begin()
  last().say({ type: 'accepted', seq: 1, turn: 1 }, { type: 'delta', seq: 2, turn: 1, content: 'x' })
  vi.advanceTimersByTime(2000)
  expect(last().got).toEqual([{ type: 'ack', seq: 2 }])
})

test('a broken socket resumes with the handle after the last event, and an event that comes twice counts once', async () => {
  const session = await begin()
  last().say({ type: 'accepted', seq: 1, turn: 1 }, { type: 'delta', seq: 2, turn: 1, content: 'ab' })
  last().breakOff()
  expect(session.get().phase).toBe('reconnecting')
  vi.advanceTimersByTime(600)
  expect(last().url).toBe('ws://engine/ws/s1?resume=h1&after=2')
  last().accept('h2', 3)
  last().say({ type: 'delta', seq: 2, turn: 1, content: 'ab' }, { type: 'delta', seq: 3, turn: 1, content: 'cd' })
  expect(session.get().turns[0]!.answer).toBe('abcd')
  last().breakOff()
  vi.advanceTimersByTime(600)
  expect(last().url).toBe('ws://engine/ws/s1?resume=h2&after=3')
})

test('a question that was not confirmed is sent again under the same id', async () => {
  const session = await begin()
  last().breakOff()
  session.say('lost?')
  vi.advanceTimersByTime(600)
  last().accept('h2')
  expect(last().got).toMatchObject([{ type: 'text', content: 'lost?', id: session.get().waiting[0]!.id }])
})

test('where resuming does not open, the API connects: the same session goes on after the last event', async () => {
  const session = await begin()
  connect.mockResolvedValue(connection('s1', 't2'))
  last().say({ type: 'accepted', seq: 7, turn: 1 })
  last().breakOff()
  for (let attempt = 0; attempt < 2; attempt++) {
    await vi.advanceTimersByTimeAsync(3000)
    last().breakOff()
  }
  await vi.advanceTimersByTimeAsync(5000)
  expect(connect).toHaveBeenCalledWith('s1')
  expect(last().url).toBe('ws://engine/ws/s1?token=t2&after=7')
  expect(session.get().turns).toHaveLength(1)
})

test('a session that goes on as a new one keeps what was said, and counts anew', async () => {
  const session = await begin()
  last().say({ type: 'accepted', seq: 1, turn: 1 }, { type: 'text', seq: 2, turn: 1, content: 'one' }, { type: 'bye', reason: 'idle_timeout' })
  last().breakOff()
  expect(session.get()).toMatchObject({ phase: 'ended', bye: 'idle_timeout' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sockets).toHaveLength(1)
  connect.mockResolvedValue(connection('s2', 't2'))
  session.resume()
  await vi.advanceTimersByTimeAsync(0)
  expect(last().url).toBe('ws://engine/ws/s2?token=t2')
  last().accept('h9')
  last().say({ type: 'accepted', seq: 1, turn: 1, content: 'two?' }, { type: 'text', seq: 2, turn: 1, content: 'two' })
  expect(session.get().turns.map(turn => turn.answer)).toEqual(['one', 'two'])
})

test('an engine that shuts down is left for another one, by itself', async () => {
  const session = await begin()
  connect.mockRejectedValueOnce(new Problem(503, { code: 'no_engine_free', retry_after: 2 })).mockResolvedValue(connection('s2', 't2'))
  last().say({ type: 'bye', reason: 'shutting_down' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(session.get().phase).toBe('reconnecting')
  await vi.advanceTimersByTimeAsync(2000)
  expect(last().url).toContain('/ws/s2?token=t2')
})

test('told to go away, it goes on elsewhere after the time that it was told, with the question that was not accepted', async () => {
  const session = await begin()
  connect.mockResolvedValue(connection('s2', 't2'))
  session.say('q')
  last().say({ type: 'go_away', reason: 'shutting_down', reconnect_after_ms: 300 }, { type: 'bye', reason: 'shutting_down' })
  await vi.advanceTimersByTimeAsync(299)
  expect(session.get().phase).toBe('reconnecting')
  expect(sockets).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(last().url).toContain('/ws/s2?token=t2')
  last().accept('h2')
  expect(last().got.at(-1)).toMatchObject({ type: 'text', content: 'q' })
})

test('taken over by another page: it waits until it is asked', async () => {
  const session = await begin()
  last().say({ type: 'bye', reason: 'replaced' })
  last().breakOff()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(session.get()).toMatchObject({ phase: 'paused', bye: 'replaced' })
  expect(sockets).toHaveLength(1)
})

test('sound counts as received with its bytes; without them the resumption asks for it again', async () => {
  await begin()
  const piece = { type: 'audio', turn: 1, sentence: 1, text_start: 0, text_end: 3, offset: 0, bytes: 4, rate: 24000, last: false }
  last().say({ type: 'accepted', seq: 1, turn: 1 }, { ...piece, seq: 2 })
  last().sayBytes(4)
  last().say({ ...piece, seq: 3 })
  last().breakOff()
  vi.advanceTimersByTime(600)
  expect(last().url).toContain('after=2')
  last().accept('h2', 3)
  last().say({ ...piece, seq: 3, omitted: true }, { type: 'delta', seq: 4, turn: 1, content: 'x' })
  expect(pieces.map(([one]) => one.seq)).toEqual([2])
  vi.advanceTimersByTime(600)
  expect(last().got).toContainEqual({ type: 'ack', seq: 4 })
})

test('the played position is told every half second where it changed, and with an interrupting question', async () => {
  const session = await begin()
  played = { seq: 5, ms: 120 }
  vi.advanceTimersByTime(500)
  vi.advanceTimersByTime(500)
  played = { seq: 5 }
  vi.advanceTimersByTime(500)
  expect(last().got).toEqual([{ type: 'played', seq: 5, ms: 120 }, { type: 'played', seq: 5 }])
  session.say('stop')
  expect(last().got.at(-1)).toMatchObject({ type: 'text', played: { seq: 5 } })
  expect(hush).toHaveBeenCalled()
})

test('speech hushes the tutor; an interrupted answer keeps what counts as said', async () => {
  const session = await begin()
  last().say({ type: 'accepted', seq: 1, turn: 1, content: 'q' }, { type: 'delta', seq: 2, turn: 1, content: 'long answer' }, { type: 'speech_started', seq: 3 })
  expect(hush).toHaveBeenCalledTimes(1)
  expect(session.get().hearing).toBe('speech')
  last().say({ type: 'interrupted', seq: 4, turn: 1, content: 'long', reason: 'new_message' }, { type: 'speech_stopped', seq: 5, duration_ms: 900 })
  expect(session.get().turns[0]).toMatchObject({ answer: 'long', state: 'interrupted' })
  expect(session.get().hearing).toBe('recognising')
})

test('a rejected question stays, and can be sent again', async () => {
  const session = await begin()
  session.say('hello')
  const { id } = session.get().waiting[0]!
  last().say({ type: 'error', id, code: 'busy', content: 'later' })
  expect(session.get().waiting[0]).toMatchObject({ content: 'hello', rejected: 'busy' })
  session.sayAgain(id)
  expect(last().got.at(-1)).toMatchObject({ id, content: 'hello' })
})

test('audio settings are sent again on every new socket', async () => {
  const session = await begin()
  session.configure({ out: { format: 'pcm16', rate: 24000 } })
  last().breakOff()
  vi.advanceTimersByTime(600)
  last().accept('h2')
  expect(last().got[0]).toEqual({ type: 'configure', audio: { out: { format: 'pcm16', rate: 24000 } } })
})

test('a session that cannot be made says why', async () => {
  const session = new LiveSession({ create: () => Promise.reject(new Problem(429, { code: 'budget_exhausted' })), connect })
  await session.start()
  expect(session.get()).toMatchObject({ phase: 'failed', problem: { code: 'budget_exhausted' } })
})

test('a heartbeat is answered, and is no event of the session', async () => {
  const session = await begin()
  session.say('What is a prime?')
  const before = session.get()
  last().say({ type: 'heartbeat' })
  expect(last().got.slice(1)).toEqual([{ type: 'heartbeat' }])
  expect(session.get()).toBe(before)
})

test('an event of a type that is not known is skipped', async () => {
  const session = await begin()
  session.say('What is a prime?')
  const before = session.get()
  last().say({ type: 'something_new', seq: 1 }, { type: 'something_else' })
  expect(session.get()).toBe(before)
})
