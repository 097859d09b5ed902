import { Problem } from '@/api/problem'
import { pause } from './backoff'
import { advance, cursorText, parseCursor } from './cursor'
import type { AnswerEvent, ConnectionState, ToHub, ToTab } from './protocol'
import { readEvents, type ServerEvent } from './sse'
import { Topic } from './topic'

/** A tab as the hub sees it. */
export interface HubClient {
  post(message: ToTab): void
}

interface Client {
  after: Map<string, number>
  visible: boolean
  heard: number
}

/** One response of `GET /api/events`, and the answers it carries. */
interface Connection {
  abort: AbortController
  carries: Set<string>
  ready: boolean
  openedAt: number
  heardAt: number
}

const maxFollowed = 8
/** The server sends a ping every 15 s. Longer silence: the connection is dead, whatever the network says. */
const silence = 35_000
/** A tab that says nothing for so long is gone, or frozen: then it says hello when it wakes. */
const tabLost = 150_000
/** How long an answer that no tab wants any more is carried on, for a tab that comes back. */
const lingering = 5000
/** Only an interruption that lasts is told. */
const brokenAfter = 1000

/**
 * Owns the one connection of a person, for all tabs. Where answers to follow are added, the next connection is opened beside the old one
 * and takes over when it is ready: nothing pauses.
 */
export class Hub {
  private readonly clients = new Map<HubClient, Client>()
  private readonly topics = new Map<string, Topic>()
  private cursor = parseCursor(null)
  private current: Connection | null = null
  private next: Connection | null = null
  private state: ConnectionState = 'connecting'
  private failures = 0
  private signedOut = false
  private retry: ReturnType<typeof setTimeout> | null = null
  private retryNotBefore = 0
  private broken: ReturnType<typeof setTimeout> | null = null
  private syncing: ReturnType<typeof setTimeout> | null = null
  private sweeping: ReturnType<typeof setInterval> | null = null

  constructor(
    private readonly fetch: (url: string, init: RequestInit) => Promise<Response>,
    private readonly now: () => number = Date.now,
  ) {}

  receive(from: HubClient, message: ToHub): void {
    if (message.type === 'bye') return this.drop(from)
    let client = this.clients.get(from)
    if (message.type === 'hello') {
      client = { after: new Map(), visible: message.visible, heard: this.now() }
      this.clients.set(from, client)
      if (this.cursor.size === 0 && !this.current?.ready) this.cursor = parseCursor(message.cursor)
      from.post({ type: 'connection', state: this.state })
      for (const { message: id, after } of message.wanted) this.follow(from, client, id, after)
      this.sweeping ??= setInterval(() => this.sweep(), 30_000)
      this.signedOut = false
      return this.wake()
    }
    if (!client) return from.post({ type: 'hub' })
    client.heard = this.now()
    switch (message.type) {
      case 'follow':
        return this.follow(from, client, message.message, message.after)
      case 'unfollow':
        client.after.delete(message.message)
        return this.sync(lingering)
      case 'wake':
        client.visible = message.visible
        if (message.visible || message.signedIn) this.signedOut = false
        return this.wake()
    }
  }

  /** Ends it: its owner gives way to another hub. */
  close(): void {
    this.clients.clear()
    this.rest()
  }

  private follow(from: HubClient, client: Client, id: string, after: number): void {
    client.after.set(id, after)
    const topic = this.topics.get(id)
    if (!topic) this.topics.set(id, new Topic(after))
    else if (after < topic.base) {
      topic.restart(after)
      for (const connection of [this.current, this.next]) connection?.carries.delete(id)
    } else for (const event of topic.since(after)) from.post({ type: 'answer', message: id, event })
    this.sync(0)
  }

  private drop(from: HubClient): void {
    if (!this.clients.delete(from)) return
    if (this.clients.size === 0) this.rest()
    else this.sync(lingering)
  }

  private sweep(): void {
    for (const [client, { heard }] of this.clients) if (this.now() - heard > tabLost) this.drop(client)
  }

  private rest(): void {
    for (const timer of [this.retry, this.broken, this.syncing]) if (timer !== null) clearTimeout(timer)
    if (this.sweeping !== null) clearInterval(this.sweeping)
    this.retry = this.broken = this.syncing = this.sweeping = null
    this.current?.abort.abort()
    this.next?.abort.abort()
    this.current = this.next = null
    this.topics.clear()
    this.failures = 0
    this.state = 'connecting'
  }

  /** Tries at once what waits, and asks of a connection that has long said nothing whether it is alive. */
  private wake(): void {
    if (this.signedOut || this.next) return
    if (!this.current) {
      if (this.now() >= this.retryNotBefore) this.connect()
    } else if (this.now() - this.current.heardAt > 20_000) this.connect()
  }

  /** Answers that tabs want, those of visible tabs first, then the newest; no more than a connection carries. */
  private wanted(): string[] {
    const rank = new Map<string, number>()
    for (const { after, visible } of this.clients.values())
      for (const id of after.keys()) if (!this.topics.get(id)?.ended) rank.set(id, Math.max(rank.get(id) ?? 0, visible ? 1 : 0))
    return [...rank]
      .reverse()
      .sort((a, b) => b[1] - a[1])
      .slice(0, maxFollowed)
      .map(([id]) => id)
  }

  /** Opens another connection if this one does not carry what is wanted. */
  private sync(delay: number): void {
    if (this.syncing !== null) clearTimeout(this.syncing)
    this.syncing = setTimeout(() => {
      this.syncing = null
      const wanted = this.wanted()
      for (const id of this.topics.keys()) if (![...this.clients.values()].some(({ after }) => after.has(id))) this.topics.delete(id)
      const serving = this.next ?? this.current
      if (!serving) return
      const missing = wanted.some(id => !serving.carries.has(id))
      const needless = delay > 0 && [...serving.carries].some(id => !this.topics.has(id))
      if (missing || needless) this.connect()
    }, delay)
  }

  private connect(): void {
    if (this.retry !== null) clearTimeout(this.retry)
    this.retry = null
    this.next?.abort.abort()
    const connection: Connection = { abort: new AbortController(), carries: new Set(this.wanted()), ready: false, openedAt: this.now(), heardAt: this.now() }
    this.next = connection
    void this.run(connection).then(
      () => this.lost(connection, null),
      error => this.lost(connection, error),
    )
  }

  private async run(connection: Connection): Promise<void> {
    const query = new URLSearchParams()
    const cursor = cursorText(this.cursor)
    if (cursor) query.set('cursor', cursor)
    for (const id of connection.carries) query.append('follow', `${id}:${this.topics.get(id)?.bytes ?? 0}`)
    const { signal } = connection.abort
    const slow = setTimeout(() => connection.abort.abort(new Error('no answer')), silence)
    const response = await this.fetch(`/api/events?${query}`, { signal, cache: 'no-store', headers: { accept: 'text/event-stream' } }).finally(() => clearTimeout(slow))
    if (!response.ok) {
      const seconds = Number(response.headers.get('retry-after')) || null
      const code = response.status === 400 ? ((await response.json().catch(() => null)) as { code?: string } | null)?.code : undefined
      throw new Problem(response.status, { code, retry_after: seconds })
    }
    await readEvents(response, {
      signal,
      silence,
      onBytes: () => (connection.heardAt = this.now()),
      onEvent: event => this.take(connection, event),
    })
  }

  private take(connection: Connection, { event, id, data }: ServerEvent): void {
    if (event === 'ping') return
    if (event === 'ready') {
      const first = this.cursor.size === 0
      advance(this.cursor, parseCursor(id))
      this.opened(connection)
      if (first) this.tell({ type: 'event', cursor: cursorText(this.cursor), event: { event, data: {} } })
    } else if (event === 'answer') this.takeAnswer(connection, data as { message_id: string } & AnswerEvent)
    else {
      if (event === 'reset') {
        for (const [name, number] of parseCursor(id)) this.cursor.set(name, number)
      } else if (id !== null && !advance(this.cursor, parseCursor(id)) && !event.startsWith('source.')) return
      this.tell({ type: 'event', cursor: cursorText(this.cursor), event: { event, data: data as Record<string, unknown> } })
    }
  }

  private takeAnswer(connection: Connection, { message_id: message, event, id, data }: { message_id: string } & AnswerEvent): void {
    const topic = this.topics.get(message)
    if (!topic || topic.ended) return
    const news = topic.take({ event, id, data })
    if (news === 'again') {
      connection.carries.delete(message)
      this.sync(0)
    } else if (news) {
      for (const [client, { after }] of this.clients) if (after.has(message)) client.post({ type: 'answer', message, event: news })
      // A place is free for one that waits.
      if (topic.ended) this.sync(0)
    }
  }

  private opened(connection: Connection): void {
    connection.ready = true
    if (connection === this.next) {
      this.current?.abort.abort()
      this.current = connection
      this.next = null
    }
    this.say('open')
    this.sync(0)
  }

  private lost(connection: Connection, error: unknown): void {
    if (connection === this.next) this.next = null
    else if (connection === this.current) this.current = null
    else return
    if (connection.ready && this.now() - connection.openedAt > 5000) this.failures = 0
    // The other one of the two serves; what it lacks is tried again by the timer.
    const served = this.current !== null || this.next !== null
    const problem = error instanceof Problem ? error : null
    if (problem?.status === 401 && !served) {
      this.signedOut = true
      return this.say('signed-out')
    }
    if (problem?.code === 'invalid_cursor') {
      this.cursor.clear()
      this.tell({ type: 'event', cursor: null, event: { event: 'reset', data: { source: '' } } })
    }
    const wait = problem?.retryAfter ? Math.min(problem.retryAfter, 30) * 1000 + Math.random() * 1000 : error === null ? Math.random() * 300 : pause(this.failures)
    this.retryNotBefore = problem?.retryAfter ? this.now() + wait : 0
    this.failures++
    if (!served) this.broken ??= setTimeout(() => this.say('broken'), this.state === 'broken' ? 0 : brokenAfter)
    if (this.retry !== null) clearTimeout(this.retry)
    this.retry = setTimeout(() => {
      this.retry = null
      if (!this.current) this.connect()
      else this.sync(0)
    }, wait)
  }

  private say(state: ConnectionState): void {
    if (this.broken !== null) clearTimeout(this.broken)
    this.broken = null
    if (state === this.state) return
    this.state = state
    this.tell({ type: 'connection', state })
  }

  private tell(message: ToTab): void {
    for (const client of this.clients.keys()) client.post(message)
  }
}
