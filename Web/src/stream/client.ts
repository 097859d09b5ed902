import type { AnswerEvent, ConnectionState, PersonalEvent, ToTab } from './protocol'
import { openTransport, type Transport } from './transports'

interface Follower {
  /** The byte that the tab has. */
  after: () => number
  take: (event: AnswerEvent) => void
}

/** A tab's end of the stream: what changes for the person, and the answers that the tab follows. */
export class StreamClient {
  private readonly listeners = new Set<(event: PersonalEvent) => void>()
  private readonly watchers = new Set<() => void>()
  private readonly followers = new Map<string, Follower>()
  private readonly transport: Transport
  private readonly beat: ReturnType<typeof setInterval>
  private readonly leaving = new AbortController()
  private cursor: string | null = null
  private state: ConnectionState = 'connecting'

  constructor(
    readonly person: string,
    open: (person: string, receive: (message: ToTab) => void) => Transport = openTransport,
  ) {
    this.transport = open(person, message => this.receive(message))
    this.beat = setInterval(() => this.transport.post({ type: 'here' }), 25_000)
    const { signal } = this.leaving
    const wake = () => this.wake()
    window.addEventListener('online', wake, { signal })
    document.addEventListener('visibilitychange', wake, { signal })
    window.addEventListener('pagehide', () => this.transport.post({ type: 'bye' }), { signal })
    window.addEventListener('pageshow', event => event.persisted && this.hello(), { signal })
  }

  connection = (): ConnectionState => this.state

  /** For useSyncExternalStore. */
  watchConnection = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  listen(listener: (event: PersonalEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** An answer's events, from the byte that the follower has. One follower per answer. */
  follow(message: string, follower: Follower): () => void {
    this.followers.set(message, follower)
    this.transport.post({ type: 'follow', message, after: follower.after() })
    return () => {
      if (this.followers.get(message) !== follower) return
      this.followers.delete(message)
      this.transport.post({ type: 'unfollow', message })
    }
  }

  /** Tries at once what waits: the person did something that needs the connection, or has signed in. */
  wake(signedIn = false): void {
    this.transport.post({ type: 'wake', visible: document.visibilityState === 'visible', signedIn })
  }

  close(): void {
    clearInterval(this.beat)
    this.leaving.abort()
    this.transport.close()
  }

  private hello(): void {
    const wanted = [...this.followers].map(([message, { after }]) => ({ message, after: after() }))
    this.transport.post({ type: 'hello', wanted, cursor: this.cursor, visible: document.visibilityState === 'visible' })
  }

  private receive(message: ToTab): void {
    switch (message.type) {
      case 'hub':
        return this.hello()
      case 'connection':
        this.state = message.state
        return this.watchers.forEach(watcher => watcher())
      case 'event':
        this.cursor = message.cursor
        return this.listeners.forEach(listener => listener(message.event))
      case 'answer':
        return this.followers.get(message.message)?.take(message.event)
    }
  }
}

let client: StreamClient | null = null

/** The stream of the person who is signed in. Another person: another stream. */
export function streamOf(person: string): StreamClient {
  if (client?.person === person) return client
  client?.close()
  return (client = new StreamClient(person))
}
