import { Problem } from '@/api/problem'
import { pause } from '@/stream/backoff'
import { uuid } from '@/ui/uuid'
import { initial, overReasons, type AudioPiece, type AudioSettings, type Connection, type LiveEvent, type LiveMessage, type LiveState, type Position } from './protocol'
import { reduce } from './reduce'

/**
 * A live session of one page (docs/sessions.md). It owns the socket and what is shown; no React is in it.
 *
 * 1. `start` makes a session by the API and opens the socket that it names.
 * 2. Every event has a number; `after` is the last one that this page has whole (an audio event: with its sound).
 * 3. A socket that breaks is opened again with the handle and `after`: nothing is missed, nothing comes twice. If that does not open,
 *    the API is asked to connect: the same session goes on with a new address, or a new one with the history of the old.
 * 4. A question stays in `waiting` until the engine has confirmed it by its id, and is sent again on every new socket.
 */
export interface LiveSessionOptions {
  create: () => Promise<Connection>
  connect: (sessionId: string) => Promise<Connection>
  open?: (url: string, protocol: string) => WebSocket
  /** Sound of an answer; `bytes` are PCM16 at the piece's rate. */
  onAudio?: (piece: AudioPiece, bytes: ArrayBuffer) => void
  /** Stop what is being played: the answer was interrupted. */
  onHush?: () => void
  /** How far sound has been played; null: none. */
  played?: () => Position | null
}

/** Ack and played position are sent at most this often, in ms. */
const report = 500
/** So many resumptions that do not open, then the API is asked. */
const resumptions = 2

export class LiveSession {
  private state: LiveState = initial
  private readonly listeners = new Set<() => void>()
  private socket: WebSocket | null = null
  private base = ''
  private handle: string | null = null
  private after = 0
  private acked = 0
  private reported = ''
  /** An audio event whose sound is the next message. */
  private piece: AudioPiece | null = null
  private failures = 0
  /** What an engine that stops asked to wait, in ms. */
  private away = 1000
  private retry: ReturnType<typeof setTimeout> | undefined
  private beat: ReturnType<typeof setInterval> | undefined
  private wanted: AudioSettings = {}
  private closed = false

  constructor(private readonly options: LiveSessionOptions) {}

  readonly get = (): LiveState => this.state
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** Makes the session, or goes on with one (`connect`). */
  async start(sessionId: string | null = null): Promise<void> {
    this.closed = false
    this.set({ phase: this.state.sessionId ? 'reconnecting' : 'starting', bye: null, problem: null, notice: null })
    try {
      this.use(await (sessionId ? this.options.connect(sessionId) : this.options.create()))
    } catch (error) {
      if (error instanceof Problem && error.passing && error.code !== 'budget_exhausted' && this.state.sessionId) this.again(error.retryAfter)
      else this.set({ phase: error instanceof Problem && error.code === 'session_not_found' ? 'ended' : 'failed', problem: error })
    }
  }

  /** Goes on after a goodbye, or at once instead of waiting for the next attempt. */
  readonly resume = (): void => {
    clearTimeout(this.retry)
    void this.start(this.state.sessionId)
  }

  /** Asks. A question that cannot be sent now is sent when the socket is open. */
  say(content: string): void {
    const sent = { id: uuid(), content, rejected: null }
    this.set({ waiting: [...this.state.waiting, sent], notice: null })
    this.sendText(sent.id, content)
    this.options.onHush?.()
  }

  /** Sends a rejected question once more, or takes it back. */
  sayAgain(id: string): void {
    const sent = this.state.waiting.find(one => one.id === id)
    if (!sent) return
    this.set({ waiting: this.state.waiting.map(one => (one.id === id ? { ...one, rejected: null } : one)) })
    this.sendText(id, sent.content)
  }
  takeBack(id: string): void {
    this.set({ waiting: this.state.waiting.filter(one => one.id !== id) })
  }

  /** What is heard and spoken from now on; on later sockets and continued sessions too. */
  configure(audio: AudioSettings): void {
    this.wanted = audio
    this.send({ type: 'configure', audio })
  }
  audioStart(): void {
    const played = this.options.played?.() ?? null
    this.send({ type: 'audio_start', id: uuid(), ...(played ? { played } : {}) })
  }
  audio(bytes: ArrayBuffer): void {
    // Sound that piles up would arrive late: better a gap than a question of a minute ago.
    if (this.socket?.readyState === 1 && this.socket.bufferedAmount < 256_000) this.socket.send(bytes)
  }
  audioEnd(): void {
    this.send({ type: 'audio_end' })
  }

  /** Leaves the session as it is: it stays at its engine for a while, and its transcript for good. */
  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    clearInterval(this.beat)
    this.drop()
    this.set({ phase: this.state.sessionId ? 'ended' : 'idle' })
  }

  private use(connection: Connection): void {
    if (this.closed) return
    const url = new URL(connection.engine_url)
    if (connection.session_id !== this.state.sessionId) {
      this.after = this.acked = 0
      this.handle = null
      // What ran in the session before will not be told of any more.
      const turns = this.state.turns.map(turn => (/waiting|thinking|answering/.test(turn.state) ? { ...turn, state: 'interrupted' as const } : turn))
      this.set({ sessionId: connection.session_id, turns, audio: {} })
    } else if (this.after > 0) url.searchParams.set('after', String(this.after))
    this.base = `${url.origin}${url.pathname}`
    this.openSocket(url.toString())
  }

  private openSocket(address: string): void {
    this.drop()
    const socket = (this.options.open ?? ((url, protocol) => new WebSocket(url, protocol)))(address, 'lyceum.v1')
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    this.piece = null
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.socket) return
      if (typeof data === 'string') this.take(JSON.parse(data) as LiveEvent)
      else this.takeSound(data)
    }
    socket.onclose = () => {
      if (socket !== this.socket) return
      this.socket = null
      clearInterval(this.beat)
      // After a goodbye there is nothing to wait for.
      if (!this.closed && !this.state.bye) this.again(null)
    }
  }

  /** Opens a socket again, later and later. */
  private again(seconds: number | null): void {
    clearTimeout(this.retry)
    this.set({ phase: 'reconnecting', hearing: 'nothing' })
    const wait = seconds ? seconds * 1000 : pause(this.failures)
    const byHandle = this.handle !== null && this.failures < resumptions
    this.failures++
    this.retry = setTimeout(() => {
      if (byHandle) this.openSocket(`${this.base}?resume=${encodeURIComponent(this.handle!)}&after=${this.after}`)
      else void this.start(this.state.sessionId)
    }, wait)
  }

  private take(event: LiveEvent): void {
    if (event.type === 'session') return this.opened(event.resume)
    if (event.type === 'heartbeat') return this.send({ type: 'heartbeat' })
    if (event.type === 'go_away') return void (this.away = event.reconnect_after_ms)
    if (event.type === 'bye') return this.goodbye(event.reason)
    const seq = 'seq' in event && typeof event.seq === 'number' ? event.seq : null
    if (seq !== null && seq <= this.after) return
    if (event.type === 'audio') {
      if (event.omitted) this.after = event.seq
      else this.piece = event
      return
    }
    if (seq !== null) this.after = seq
    if (event.type === 'speech_started' || event.type === 'interrupted') this.options.onHush?.()
    const next = reduce(this.state, event)
    if (next !== this.state) this.set(next)
  }

  private takeSound(bytes: ArrayBuffer): void {
    const piece = this.piece
    this.piece = null
    if (!piece) return
    this.after = piece.seq
    this.options.onAudio?.(piece, bytes)
  }

  private opened(handle: string): void {
    this.handle = handle
    this.failures = 0
    this.set({ phase: 'open', problem: null })
    if (this.wanted.in || this.wanted.out) this.send({ type: 'configure', audio: this.wanted })
    for (const sent of this.state.waiting) if (!sent.rejected) this.sendText(sent.id, sent.content)
    clearInterval(this.beat)
    this.beat = setInterval(() => this.tell(), report)
  }

  private goodbye(reason: string): void {
    clearInterval(this.beat)
    if (reason === 'shutting_down') {
      // Its engine is being stopped: another one goes on with it.
      this.drop()
      this.handle = null
      return this.again(this.away / 1000)
    }
    this.set({ phase: overReasons.includes(reason) ? 'ended' : 'paused', bye: reason, hearing: 'nothing' })
  }

  /** What this page has, and how far it has played: the engine drops what it need not keep, and sends on. */
  private tell(): void {
    if (this.after > this.acked) {
      this.send({ type: 'ack', seq: this.after })
      this.acked = this.after
    }
    const played = this.options.played?.() ?? null
    const word = JSON.stringify(played)
    if (played && word !== this.reported) {
      this.send({ type: 'played', ...played })
      this.reported = word
    }
  }

  private sendText(id: string, content: string): void {
    const played = this.options.played?.() ?? null
    this.send({ type: 'text', id, content, ...(this.after > 0 ? { ack: this.after } : {}), ...(played ? { played } : {}) })
  }

  private send(message: LiveMessage): void {
    if (this.socket?.readyState === 1 && this.state.phase === 'open') this.socket.send(JSON.stringify(message))
  }

  private drop(): void {
    const socket = this.socket
    this.socket = null
    if (socket) socket.onmessage = socket.onclose = null
    socket?.close()
  }

  private set(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change }
    this.listeners.forEach(listener => listener())
  }
}
