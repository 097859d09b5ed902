import { createParser } from 'eventsource-parser'

export interface ServerEvent {
  event: string
  id: string | null
  data: unknown
}

/**
 * Reads server-sent events until the server ends them, or the signal is aborted, or nothing came for `silence` ms (then it throws).
 * A page that a proxy sent in place of the stream throws too.
 */
export async function readEvents(
  response: Response,
  { signal, silence, onEvent, onBytes }: { signal: AbortSignal; silence: number; onEvent: (event: ServerEvent) => void; onBytes?: () => void },
): Promise<void> {
  if (!response.body || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
    void response.body?.cancel().catch(() => {})
    throw new Error('not a stream of events')
  }
  let fault: unknown = null
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      if (fault || signal.aborted) return
      try {
        onEvent({ event: event ?? 'message', id: id ?? null, data: JSON.parse(data) as unknown })
      } catch (error) {
        fault = error
      }
    },
  })
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  const cancel = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel)
  try {
    while (!signal.aborted) {
      const { done, value } = await within(reader.read(), silence)
      if (done) return
      onBytes?.()
      parser.feed(decoder.decode(value, { stream: true }))
      if (fault) throw fault
    }
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const silent = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the stream is silent')), ms)
  })
  return Promise.race([promise, silent]).finally(() => clearTimeout(timer))
}
