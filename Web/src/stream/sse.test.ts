import { afterEach, expect, test, vi } from 'vitest'
import { wire } from './fake'
import { readEvents, type ServerEvent } from './sse'

const events: ServerEvent[] = [
  { event: 'ready', id: 'chat-api=1', data: {} },
  { event: 'delta', id: '13', data: { text: '植物 🌱 \n' } },
  { event: 'end', id: 'end', data: { status: 'complete' } },
]

async function read(chunks: Uint8Array[], signal = new AbortController().signal): Promise<ServerEvent[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  const got: ServerEvent[] = []
  await readEvents(new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } }), { signal, silence: 1000, onEvent: event => got.push(event) })
  return got
}

afterEach(() => vi.useRealTimers())

test.each(['\n', '\r\n'])('events are the same wherever the stream is cut (%j)', async end => {
  const bytes = new TextEncoder().encode(events.map(event => wire(event, end)).join(''))
  for (let cut = 0; cut <= bytes.length; cut++) expect(await read([bytes.slice(0, cut), bytes.slice(cut)])).toEqual(events)
})

test('events are the same one byte at a time', async () => {
  const bytes = new TextEncoder().encode(events.map(event => wire(event)).join(''))
  expect(await read([...bytes].map(byte => Uint8Array.of(byte)))).toEqual(events)
})

test('an event that was not ended is not told', async () => {
  expect(await read([new TextEncoder().encode('event: delta\ndata: {"text":"half"}\n')])).toEqual([])
})

test('a page of a proxy is no stream', async () => {
  const page = new Response('<html>504</html>', { headers: { 'content-type': 'text/html' } })
  await expect(readEvents(page, { signal: new AbortController().signal, silence: 1000, onEvent: () => {} })).rejects.toThrow('not a stream')
})

test('damaged data breaks the connection instead of being left out', async () => {
  await expect(read([new TextEncoder().encode('event: delta\ndata: {"text"\n\n')])).rejects.toThrow()
})

test('silence ends it', async () => {
  vi.useFakeTimers()
  const silent = new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
  const reading = expect(readEvents(silent, { signal: new AbortController().signal, silence: 35_000, onEvent: () => {} })).rejects.toThrow('silent')
  await vi.advanceTimersByTimeAsync(35_000)
  await reading
})
