import type { Schema } from '@/api/types'

/** What an engine says over `lyceum.v1` (docs/sessions.md), and what a page says to it. */
export type LiveEvent = Schema['LiveEvent'] | GoAway | Heartbeat
/** The engine stops, and no turn runs: `connect` goes on with the session elsewhere, after so many ms. A `bye` follows. */
export type GoAway = { type: 'go_away'; reason: string; reconnect_after_ms: number }
/** Nothing was sent for a while: answered with the same, so that those between see data in both directions. */
export type Heartbeat = Schema['LiveEventHeartbeat']
export type LiveMessage = Schema['LiveMessage']
export type Connection = Schema['SessionConnection']
export type AudioSettings = Schema['AudioSettings']
export type AudioPiece = Schema['LiveEventAudio']
export type Citation = Schema['Citation']
export type Position = { seq: number; ms?: number }

/** Why a session said goodbye. After these it is over, and goes on as a new one by `connect`. */
export const overReasons: readonly string[] = ['deleted', 'idle_timeout', 'session_timeout']

/** One question with its answer. */
export interface Turn {
  /** Unique over continued sessions, which count their turns anew. */
  key: string
  /** Null until speech is recognised. */
  question: string | null
  answer: string
  state: 'waiting' | 'thinking' | 'answering' | 'complete' | 'interrupted' | 'failed'
  finishReason: string | null
  citations: readonly Citation[]
  /** The code of the error that ended it. */
  error: string | null
  help: { content: string; contact: string | null } | null
}

/** A question that the engine has not confirmed. */
export interface Sent {
  id: string
  content: string
  /** The code of its rejection; null: it is on its way. */
  rejected: string | null
}

export interface Latency {
  total: number
  recognised: number | null
  firstText: number | null
  firstSound: number | null
}

export interface LiveState {
  /** `starting` and `reconnecting`: a socket is being opened; `paused`: it goes on by `resume()`; `failed`: see `problem`. */
  phase: 'idle' | 'starting' | 'open' | 'reconnecting' | 'paused' | 'ended' | 'failed'
  sessionId: string | null
  turns: readonly Turn[]
  waiting: readonly Sent[]
  /** What the engine warned of last, or rejected: a reason or a code. */
  notice: { code: string; kind: 'warning' | 'error'; secondsLeft: number | null } | null
  /** Why it ended. */
  bye: string | null
  problem: unknown
  /** What the engine has confirmed. */
  audio: AudioSettings
  hearing: 'nothing' | 'speech' | 'recognising'
  latency: Latency | null
}

export const initial: LiveState = {
  phase: 'idle',
  sessionId: null,
  turns: [],
  waiting: [],
  notice: null,
  bye: null,
  problem: null,
  audio: {},
  hearing: 'nothing',
  latency: null,
}
