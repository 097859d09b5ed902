import { after, emptyAnswer, type Answer } from './answer'
import type { StreamClient } from './client'
import type { AnswerEvent } from './protocol'

/** Twenty pictures a second: more cannot be read. */
const interval = 50
/** How long an answer that no view shows is followed on. */
const lingering = 3000

/** An answer that is being written, for views: `useSyncExternalStore(store.subscribe, store.get)`. */
export class AnswerStore {
  private answer: Answer
  private shown: Answer
  private readonly views = new Set<() => void>()
  private timer: ReturnType<typeof setTimeout> | null = null
  private published = 0
  private unfollow: (() => void) | null = null
  private leaving: ReturnType<typeof setTimeout> | null = null
  /** The response of the question is still read: the connection may be away. */
  private direct: AbortController | null = null
  private connected = true

  constructor(
    readonly message: string,
    private readonly client: StreamClient,
    begun: Partial<Answer> = {},
  ) {
    this.answer = this.shown = { ...emptyAnswer, ...begun }
  }

  get = (): Answer => this.shown

  subscribe = (view: () => void): (() => void) => {
    this.views.add(view)
    this.begin()
    return () => {
      this.views.delete(view)
      if (this.views.size === 0) this.leaving ??= setTimeout(() => this.leave(), lingering)
    }
  }

  /** Takes the events of the question's own response, until the connection carries the answer: then `stop` is aborted. */
  readDirectly(stop: AbortController): void {
    this.direct = stop
    this.begin()
  }

  directEnded(): void {
    this.direct = null
    this.judge()
  }

  take = (event: AnswerEvent, direct = false): void => {
    if (!direct && this.direct) {
      // The connection sends everything from the byte it was asked for.
      this.direct.abort()
      this.direct = null
    }
    const next = after(this.answer, event)
    if (next === 'gap') {
      // Only a hub that restarted can leave one.
      this.unfollow?.()
      this.unfollow = null
      return this.begin()
    }
    this.answer = next
    if (next.phase === 'ended') this.leave()
    this.judge()
  }

  private begin(): void {
    if (this.leaving !== null) clearTimeout(this.leaving)
    this.leaving = null
    if (this.unfollow || this.answer.phase === 'ended') return
    const unfollow = this.client.follow(this.message, { after: () => this.answer.bytes, take: event => this.take(event) })
    const unwatch = this.client.watchConnection(() => this.judge())
    this.unfollow = () => {
      unfollow()
      unwatch()
    }
    this.judge()
  }

  private leave(): void {
    if (this.leaving !== null) clearTimeout(this.leaving)
    this.leaving = null
    this.unfollow?.()
    this.unfollow = null
  }

  private judge(): void {
    const state = this.client.connection()
    this.connected = this.direct !== null || (state !== 'broken' && state !== 'signed-out')
    this.publish()
  }

  private publish(): void {
    if (this.timer !== null && this.answer.phase !== 'ended') return
    const wait = this.answer.phase === 'ended' ? 0 : Math.max(0, this.published + interval - Date.now())
    if (this.timer !== null) clearTimeout(this.timer)
    if (wait === 0) return this.show()
    this.timer = setTimeout(() => this.show(), wait)
  }

  private show(): void {
    this.timer = null
    const { answer } = this
    const phase = answer.phase !== 'ended' && !this.connected ? 'reconnecting' : answer.phase
    if (this.shown.phase === phase && this.shownOf === answer) return
    this.shownOf = answer
    this.published = Date.now()
    this.shown = phase === answer.phase ? answer : { ...answer, phase }
    this.views.forEach(view => view())
  }

  private shownOf: Answer | null = null
}

const stores = new Map<string, AnswerStore>()
const kept = 32

/** The store of an answer; made with what is known of it if there is none. */
export function answerStore(client: StreamClient, message: string, begun?: Partial<Answer>): AnswerStore {
  let store = stores.get(message)
  if (!store) {
    store = new AnswerStore(message, client, begun)
    stores.set(message, store)
    if (stores.size > kept) for (const [id, old] of stores) if (old.get().phase === 'ended' && stores.size > kept) stores.delete(id)
  }
  return store
}
