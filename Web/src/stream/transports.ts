import { send } from '@/api/send'
import { scriptAddress } from '@/app/trusted'
import { uuid } from '@/ui/uuid'
import { Hub, type HubClient } from './hub'
import type { ToHub, ToTab } from './protocol'
import workerAddress from './worker.ts?sharedworker&url'

/** How a tab reaches the hub. */
export interface Transport {
  post(message: ToHub): void
  close(): void
}

type Receive = (message: ToTab) => void

/** The best that this browser has: a SharedWorker; else one tab for all of them; else each visible tab for itself. */
export function openTransport(person: string, receive: Receive): Transport {
  if (typeof SharedWorker !== 'undefined') return shared(person, receive)
  return withoutWorker(person, receive)
}

const withoutWorker = (person: string, receive: Receive): Transport =>
  typeof BroadcastChannel !== 'undefined' && 'locks' in navigator ? elected(person, receive) : own(receive)

/** A worker whose script does not load (an update removed it, a policy forbids it) is replaced by the next best. */
function shared(person: string, receive: Receive): Transport {
  let fallback: Transport | null = null
  const worker = new SharedWorker(scriptAddress(workerAddress), { type: 'module', name: `lyceum ${person}` })
  const replace = () => {
    fallback ??= withoutWorker(person, receive)
  }
  const mute = setTimeout(replace, 10_000)
  worker.onerror = replace
  worker.port.onmessage = ({ data }: MessageEvent<ToTab>) => {
    clearTimeout(mute)
    if (!fallback) receive(data)
  }
  return {
    post: message => (fallback ?? { post: (m: ToHub) => worker.port.postMessage(m) }).post(message),
    close: () => {
      clearTimeout(mute)
      worker.port.postMessage({ type: 'bye' } satisfies ToHub)
      worker.port.close()
      fallback?.close()
    },
  }
}

type OnChannel = { to: string; message: ToTab } | { from: string; message: ToHub }

/**
 * One tab holds a lock and has the hub; the others reach it by a channel. A tab that becomes visible takes the lock: a hidden one
 * may be frozen at any moment.
 */
export function elected(person: string, receive: Receive): Transport {
  const me = uuid()
  const name = `lyceum ${person}`
  const channel = new BroadcastChannel(name)
  let hub: Hub | null = null
  let closed = false
  let release = () => {}
  const clients = new Map<string, HubClient>()
  const client = (from: string): HubClient => {
    let known = clients.get(from)
    if (!known) clients.set(from, (known = { post: message => (from === me ? queueMicrotask(() => receive(message)) : channel.postMessage({ to: from, message } satisfies OnChannel)) }))
    return known
  }
  channel.onmessage = ({ data }: MessageEvent<OnChannel>) => {
    if ('from' in data) hub?.receive(client(data.from), data.message)
    else if (data.to === me || data.to === '*') receive(data.message)
  }
  let inLine = false
  const lead = async (steal: boolean) => {
    if (hub || closed || (!steal && inLine)) return
    if (!steal) inLine = true
    await navigator.locks
      .request(name, steal ? { steal } : {}, () => {
        if (!steal) inLine = false
        if (closed || hub) return
        hub = new Hub(send)
        channel.postMessage({ to: '*', message: { type: 'hub' } } satisfies OnChannel)
        receive({ type: 'hub' })
        return new Promise<void>(resolve => (release = resolve))
      })
      .catch(() => {}) // another tab took the lock
    stop()
    // In line again, for when the tab that has it is gone.
    void lead(false)
  }
  const stop = () => {
    hub?.close()
    hub = null
    clients.clear()
  }
  const seen = () => document.visibilityState === 'visible' && void lead(true)
  document.addEventListener('visibilitychange', seen)
  void lead(document.visibilityState === 'visible')
  return {
    post: message => (hub ? hub.receive(client(me), message) : channel.postMessage({ from: me, message } satisfies OnChannel)),
    close: () => {
      closed = true
      document.removeEventListener('visibilitychange', seen)
      stop()
      release()
      channel.close()
    },
  }
}

/** How long a hidden tab keeps its stream. */
const hiddenFor = 10_000

/** A hub in this tab, with a connection while the tab is visible. */
export function own(receive: Receive): Transport {
  const hub = new Hub(send)
  const client: HubClient = { post: message => queueMicrotask(() => receive(message)) }
  let hiding: ReturnType<typeof setTimeout> | undefined
  let asleep = false
  const turned = () => {
    clearTimeout(hiding)
    if (document.visibilityState === 'hidden')
      hiding = setTimeout(() => {
        asleep = true
        hub.receive(client, { type: 'bye' })
      }, hiddenFor)
    else if (asleep) {
      asleep = false
      receive({ type: 'hub' })
    }
  }
  document.addEventListener('visibilitychange', turned)
  queueMicrotask(() => receive({ type: 'hub' }))
  return {
    post: message => {
      if (!asleep) hub.receive(client, message)
    },
    close: () => {
      clearTimeout(hiding)
      document.removeEventListener('visibilitychange', turned)
      hub.close()
    },
  }
}
