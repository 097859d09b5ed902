import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeGateway, FakeTab, told, toldEnd } from './fake'
import { Hub } from './hub'
import type { Wanted } from './protocol'

let gateway: FakeGateway
let hub: Hub

beforeEach(() => {
  vi.useFakeTimers()
  gateway = new FakeGateway()
  hub = new Hub(gateway.fetch)
})
afterEach(() => {
  hub.close()
  vi.useRealTimers()
})

const soon = (ms = 10) => vi.advanceTimersByTimeAsync(ms)
async function tab(...wanted: Wanted[]): Promise<FakeTab> {
  const it = new FakeTab()
  hub.receive(it, { type: 'hello', wanted, cursor: null, visible: true })
  await soon()
  return it
}
const started = (message: string, id: string) => ({ event: 'answer.started', id, data: { message_id: message } })

test('Tabs_Twelve_OneConnection', async () => {
  const tabs = []
  for (let i = 0; i < 12; i++) tabs.push(await tab())
  gateway.last.ready()
  gateway.last.say(started('A', 'chat-api=2'))
  await soon()
  expect(gateway.requests).toHaveLength(1)
  for (const one of tabs) expect(one.events).toEqual(['ready', 'answer.started'])
})

test('Answer_FollowedLater_NextConnectionTakesOverWithoutAPause', async () => {
  const first = await tab({ message: 'A', after: 0 })
  const old = gateway.last
  old.ready()
  old.say(...told('A', ['one ', 'two ']))
  await soon()
  const second = await tab({ message: 'B', after: 0 })
  expect(gateway.requests).toHaveLength(2)
  expect(gateway.last.follows).toEqual(expect.arrayContaining(['A:8', 'B:0']))
  old.say(...told('A', ['three '], 8))
  await soon()
  expect(old.aborted).toBe(false)
  gateway.last.ready()
  gateway.last.say(...told('A', ['three ', 'four'], 8), ...told('B', ['other']))
  await soon()
  expect(old.aborted).toBe(true)
  expect(first.text('A')).toBe('one two three four')
  expect(second.text('B')).toBe('other')
  expect(first.states).toEqual(['connecting', 'open'])
})

test('Connection_Broken_GoesOnFromByteAndCursor', async () => {
  const it = await tab({ message: 'A', after: 0 })
  gateway.last.ready('chat-api=1')
  gateway.last.say(...told('A', ['植物']), started('A', 'chat-api=2'))
  await soon()
  gateway.last.break()
  await soon(600)
  expect(gateway.last.cursor).toBe('chat-api=2')
  expect(gateway.last.follows).toEqual(['A:6'])
  gateway.last.ready('chat-api=2')
  gateway.last.say(...told('A', ['植物', '利用']), toldEnd('A'))
  await soon()
  expect(it.text('A')).toBe('植物利用')
  expect(it.states).toEqual(['connecting', 'open'])
})

test('Connection_AwayForLong_ToldBrokenThenOpen', async () => {
  const it = await tab()
  gateway.last.ready()
  await soon()
  gateway.answers.push(...Array.from({ length: 4 }, () => () => Promise.reject(new TypeError('network'))))
  gateway.last.break()
  await soon(20_000)
  gateway.last.ready()
  await soon()
  expect(it.states).toEqual(['connecting', 'open', 'broken', 'open'])
  expect(gateway.requests.length).toBe(6)
})

test('Connection_Silent_IsReplaced', async () => {
  await tab()
  gateway.last.ready()
  await soon(36_000)
  expect(gateway.requests).toHaveLength(2)
})

test('Connection_PingOnly_IsKept', async () => {
  await tab()
  gateway.last.ready()
  for (let i = 0; i < 10; i++) {
    await soon(15_000)
    gateway.last.say({ event: 'ping' })
  }
  expect(gateway.requests).toHaveLength(1)
})

test('Wake_AfterSleep_AsksAtOnceInsteadOfWaiting', async () => {
  const it = await tab()
  gateway.last.ready()
  await soon(25_000)
  hub.receive(it, { type: 'wake', visible: true })
  await soon()
  expect(gateway.requests).toHaveLength(2)
})

test('Wake_WhileWaiting_TriesAtOnce', async () => {
  const it = await tab()
  gateway.answers.push(...Array.from({ length: 9 }, () => () => Promise.reject(new TypeError('network'))))
  gateway.last.break()
  await soon(30_000)
  const { length } = gateway.requests
  hub.receive(it, { type: 'wake', visible: true })
  await soon(1)
  expect(gateway.requests).toHaveLength(length + 1)
})

test('Tab_Later_IsServedFromMemoryFromItsByte', async () => {
  await tab({ message: 'A', after: 0 })
  gateway.last.ready()
  gateway.last.say(...told('A', ['植物', '利用光能']))
  await soon()
  const later = await tab({ message: 'A', after: 6 })
  expect(later.text('A')).toBe('利用光能')
  expect(gateway.requests).toHaveLength(1)
})

test('Tab_WithLessThanIsKept_AnswerIsReadAgain', async () => {
  const first = await tab({ message: 'A', after: 6 })
  gateway.last.ready()
  gateway.last.say(...told('A', ['利用'], 6))
  await soon()
  const second = await tab({ message: 'A', after: 0 })
  expect(gateway.last.follows).toEqual(['A:0'])
  gateway.last.ready()
  gateway.last.say(...told('A', ['植物', '利用', '光能']))
  await soon()
  expect(second.text('A')).toBe('植物利用光能')
  // The first is told again what it has; its byte decides.
  expect(first.text('A').endsWith('光能')).toBe(true)
})

test('Delta_WithGap_IsReadAgain', async () => {
  const it = await tab({ message: 'A', after: 0 })
  gateway.last.ready()
  gateway.last.say(...told('A', ['one ']), ...told('A', ['three'], 8))
  await soon()
  expect(gateway.last.follows).toEqual(['A:4'])
  gateway.last.ready()
  gateway.last.say(...told('A', ['two ', 'three'], 4))
  await soon()
  expect(it.text('A')).toBe('one two three')
})

test('Byte_UnknownToServer_ReadFromTheBeginning', async () => {
  await tab({ message: 'A', after: 5 })
  gateway.last.ready()
  gateway.last.say({ event: 'answer', data: { message_id: 'A', id: null, event: 'error', data: { status: 400, code: 'message_not_found' } } })
  await soon()
  expect(gateway.last.follows).toEqual(['A:0'])
})

test('Event_InBothConnections_ToldOnce', async () => {
  const it = await tab()
  const old = gateway.last
  old.ready('chat-api=1,session-api=4')
  await soon()
  hub.receive(it, { type: 'follow', message: 'A', after: 0 })
  await soon()
  old.say(started('A', 'chat-api=2,session-api=4'))
  await soon()
  gateway.last.ready('chat-api=1,session-api=4')
  gateway.last.say(started('A', 'chat-api=2,session-api=4'))
  await soon()
  expect(it.events).toEqual(['ready', 'answer.started'])
})

test('Reset_LowerNumber_IsTheNewCursor', async () => {
  const it = await tab()
  gateway.last.ready('chat-api=90')
  gateway.last.say({ event: 'reset', id: 'chat-api=3', data: { source: 'chat-api' } }, started('A', 'chat-api=4'))
  await soon()
  expect(it.events).toEqual(['ready', 'reset', 'answer.started'])
})

test('Follow_MoreThanEight_NextIsCarriedWhenOneEnds', async () => {
  const ids = Array.from({ length: 10 }, (_, i) => `M${i}`)
  await tab(...ids.map(message => ({ message, after: 0 })))
  gateway.last.ready()
  await soon()
  const carried = gateway.last.follows.map(one => one.split(':')[0]!)
  expect(carried).toHaveLength(8)
  gateway.last.say(toldEnd(carried[0]!))
  await soon()
  expect(gateway.last.follows).toHaveLength(8)
  expect(gateway.last.follows.map(one => one.split(':')[0])).not.toContain(carried[0])
})

test('SignedOut_ToldAndGoesOnAfterSignIn', async () => {
  const it = await tab({ message: 'A', after: 0 })
  gateway.last.ready()
  gateway.last.say(...told('A', ['one ']))
  await soon()
  gateway.answers.push(() => new Response('{}', { status: 401 }))
  gateway.last.break()
  await soon(60_000)
  expect(it.states).toEqual(['connecting', 'open', 'signed-out'])
  const { length } = gateway.requests
  hub.receive(it, { type: 'wake', visible: true, signedIn: true })
  await soon()
  expect(gateway.requests).toHaveLength(length + 1)
  expect(gateway.last.follows).toEqual(['A:4'])
})

test.each([429, 503])('Refused_%i_WaitsAsLongAsTold', async status => {
  gateway.answers.push(() => new Response('{}', { status, headers: { 'retry-after': '7' } }))
  const it = await tab()
  await soon(6900)
  hub.receive(it, { type: 'wake', visible: true })
  await soon()
  expect(gateway.requests).toHaveLength(1)
  await soon(1200)
  expect(gateway.requests).toHaveLength(2)
})

test('ProxyPage_InPlaceOfStream_IsTriedAgain', async () => {
  gateway.answers.push(() => new Response('<html>', { headers: { 'content-type': 'text/html' } }))
  await tab()
  await soon(600)
  expect(gateway.requests).toHaveLength(2)
})

test('Cursor_UnknownToServer_BeginsAnewAndTellsTabs', async () => {
  const it = await tab()
  gateway.last.ready('chat-api=5')
  await soon()
  gateway.answers.push(() => Response.json({ code: 'invalid_cursor' }, { status: 400 }))
  gateway.last.break()
  await soon(3000)
  expect(gateway.last.cursor).toBeNull()
  expect(it.events).toContain('reset')
})

test('Tabs_AllGone_ConnectionIsClosed', async () => {
  const it = await tab()
  gateway.last.ready()
  await soon()
  hub.receive(it, { type: 'bye' })
  expect(gateway.last.aborted).toBe(true)
  await soon(60_000)
  expect(gateway.requests).toHaveLength(1)
})

test('Tab_SaysNothingForLong_IsForgottenAndAskedWhenItComesBack', async () => {
  const gone = await tab()
  const here = await tab()
  gateway.last.ready()
  for (let i = 0; i < 12; i++) {
    await soon(15_000)
    gateway.last.say({ event: 'ping' })
    hub.receive(here, { type: 'here' })
  }
  gateway.last.say(started('A', 'chat-api=2'))
  await soon()
  expect(gone.events).not.toContain('answer.started')
  hub.receive(gone, { type: 'here' })
  expect(gone.told.at(-1)).toEqual({ type: 'hub' })
})

// A hundred random networks: cut anywhere, doubled, with events of both connections mixed.
test('Text_AnyNetwork_IsWhatTheServerHas', async () => {
  const pieces = ['植物', '利用', '光 ', 'energy — ', '🌱', '\n\n', 'x²', 'end']
  const whole = pieces.join('')
  let seed = 7
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
  for (let round = 0; round < 100; round++) {
    gateway = new FakeGateway()
    hub = new Hub(gateway.fetch)
    const it = await tab({ message: 'A', after: 0 })
    for (let step = 0; step < 40 && !it.told.some(one => one.type === 'answer' && one.event.event === 'end'); step++) {
      const { last } = gateway
      if (!last.aborted && random(4) > 0) {
        const after = Number(last.follows[0]?.split(':')[1] ?? 0)
        let skipped = 0
        const rest = pieces.filter(piece => {
          skipped += new TextEncoder().encode(piece).length
          return skipped > after
        })
        last.ready()
        last.say(...told('A', rest.slice(0, 1 + random(rest.length || 1)), after))
        if (random(3) === 0) last.say(...told('A', rest, after), toldEnd('A'))
      }
      await soon()
      if (random(2)) last.break()
      else last.close()
      await soon(16_000)
    }
    expect(it.text('A')).toBe(whole)
    hub.close()
  }
})
