import type { ServerEvent } from './sse'
import type { HubClient } from './hub'
import type { ToTab } from './protocol'
import { byteLength } from './utf8'

/** For tests: server-sent events as the gateway writes them. */
export const wire = ({ event, id, data }: Partial<ServerEvent>, end = '\n'): string =>
  [`event: ${event}`, `data: ${JSON.stringify(data ?? {})}`, ...(id ? [`id: ${id}`] : []), '', ''].join(end)

/** An answer as events of the connection, with one delta per piece. */
export function told(message: string, pieces: string[], from = 0): Partial<ServerEvent>[] {
  let bytes = from
  return pieces.map(text => ({ event: 'answer', data: { message_id: message, id: String((bytes += byteLength(text))), event: 'delta', data: { text } } }))
}
export const toldEnd = (message: string): Partial<ServerEvent> => ({ event: 'answer', data: { message_id: message, id: 'end', event: 'end', data: { status: 'complete', finish_reason: 'stop' } } })

/** A response of the test's making. */
export class FakeStream {
  private controller!: ReadableStreamDefaultController<Uint8Array>
  readonly response: Response
  aborted = false

  constructor(readonly url: string, signal?: AbortSignal | null, type = 'text/event-stream') {
    const body = new ReadableStream<Uint8Array>({ start: controller => void (this.controller = controller), cancel: () => void (this.aborted = true) })
    signal?.addEventListener('abort', () => (this.aborted = true))
    this.response = new Response(body, { headers: { 'content-type': type } })
  }
  bytes(bytes: Uint8Array): void {
    if (!this.aborted) this.controller.enqueue(bytes)
  }
  say(...events: Partial<ServerEvent>[]): void {
    for (const event of events) this.bytes(new TextEncoder().encode(wire(event)))
  }
  ready(cursor = 'chat-api=1'): void {
    this.say({ event: 'ping' }, { event: 'ready', id: cursor })
  }
  break(): void {
    if (!this.aborted) this.controller.error(new TypeError('network error'))
  }
  close(): void {
    if (!this.aborted) this.controller.close()
  }
  get follows(): string[] {
    return new URL(this.url, 'http://x').searchParams.getAll('follow')
  }
  get cursor(): string | null {
    return new URL(this.url, 'http://x').searchParams.get('cursor')
  }
}

/** A gateway: every request is kept, and answered by a stream, or by what `answers` has first. */
export class FakeGateway {
  readonly requests: FakeStream[] = []
  readonly answers: ((url: string, init: RequestInit) => Response | Promise<Response>)[] = []

  fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const stream = new FakeStream(url, init.signal)
    this.requests.push(stream)
    const answer = this.answers.shift()
    return answer ? answer(url, init) : stream.response
  }
  get last(): FakeStream {
    return this.requests.at(-1)!
  }
}

/** A tab: what it was told, and the text of each answer by the byte. */
export class FakeTab implements HubClient {
  readonly told: ToTab[] = []
  post = (message: ToTab): void => void this.told.push(structuredClone(message))

  text(message: string): string {
    return this.told.map(one => (one.type === 'answer' && one.message === message && one.event.event === 'delta' ? (one.event.data as { text: string }).text : '')).join('')
  }
  get events(): string[] {
    return this.told.flatMap(one => (one.type === 'event' ? one.event.event : []))
  }
  get states(): string[] {
    return this.told.flatMap(one => (one.type === 'connection' ? one.state : []))
  }
}
