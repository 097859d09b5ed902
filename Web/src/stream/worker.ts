import { send } from '@/api/send'
import { Hub, type HubClient } from './hub'
import type { ToHub } from './protocol'

/** The SharedWorker: one hub for all tabs of a person. Its name is the person's, so two people on one computer share nothing. */
const hub = new Hub(send)

;(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = event => {
  const port = event.ports[0]!
  const client: HubClient = { post: message => port.postMessage(message) }
  port.onmessage = ({ data }: MessageEvent<ToHub>) => hub.receive(client, data)
  client.post({ type: 'hub' })
}
