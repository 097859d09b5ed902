import { useSyncExternalStore } from 'react'
import { keptAnswers } from '@/app/kept'
import { queries } from '@/app/query'
import { meQuery } from '@/api/queries'
import { Problem } from '@/api/problem'
import type { Schema } from '@/api/types'
import { sendAttempt } from './api'

/**
 * Answers that could not be sent, kept on this device until they are. Each has its attempt id: sent twice, it counts once. Every tab sends;
 * one at a time where the browser has locks.
 */
export interface Waiting {
  item: string
  body: Schema['AttemptRequest'] & { attempt_id: string }
}

export interface OutboxState {
  waiting: readonly Waiting[]
  /** Sent since the page was opened, and refused for good (a question that was deleted meanwhile). */
  sent: number
  refused: number
}

/** Of the person who is signed in: what another one answered at this device is not theirs to send. */
const key = (): string => keptAnswers + (queries.getQueryData(meQuery.queryKey)?.subject ?? '')
/** Between attempts while the server is away, in ms. */
const pause = 15_000

let state: OutboxState = { waiting: [], sent: 0, refused: 0 }
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined

function read(): Waiting[] {
  try {
    return JSON.parse(localStorage.getItem(key()) ?? '[]') as Waiting[]
  } catch {
    return []
  }
}

function change(next: Partial<OutboxState>): void {
  state = { ...state, ...next }
  listeners.forEach(listener => listener())
}

function store(waiting: Waiting[]): void {
  if (waiting.length > 0) localStorage.setItem(key(), JSON.stringify(waiting))
  else localStorage.removeItem(key())
  change({ waiting })
}

/** Whether an answer should wait for the server instead of being refused. */
export const isAway = (error: unknown): boolean => error instanceof Problem && (error.status === 0 || error.status >= 500)

/** Keeps an answer. The same attempt again (with the learner's own grade) replaces it. */
export function keepAnswer(answer: Waiting): void {
  store([...read().filter(other => other.body.attempt_id !== answer.body.attempt_id), answer])
  later()
}

/** Sends what waits, the oldest first. Stops at the first that the server cannot take now. */
export async function sendWaiting(): Promise<void> {
  const waiting = read()
  change({ waiting })
  if (waiting.length === 0) return
  const locks = (navigator as { locks?: LockManager }).locks
  if (locks) await locks.request(key(), { ifAvailable: true }, lock => (lock ? sendAll() : later()))
  else await sendAll()
}

async function sendAll(): Promise<void> {
  for (let next = read()[0]; next; next = read()[0]) {
    const id = next.body.attempt_id
    try {
      await sendAttempt(next.item, next.body)
      change({ sent: state.sent + 1 })
    } catch (error) {
      // Signed out or too fast: it waits as well. What is wrong for good is dropped, and said.
      if (isAway(error) || (error instanceof Problem && [401, 403, 429].includes(error.status))) return later()
      change({ refused: state.refused + 1 })
    }
    store(read().filter(other => other.body.attempt_id !== id))
  }
  void queries.invalidateQueries({ queryKey: ['practice'] })
}

function later(): void {
  clearTimeout(timer)
  timer = setTimeout(() => void sendWaiting(), pause)
}

if (typeof addEventListener !== 'undefined') {
  addEventListener('online', () => void sendWaiting())
  // Another tab has kept or sent one.
  addEventListener('storage', event => event.key === key() && change({ waiting: read() }))
}

export const useOutbox = (): OutboxState =>
  useSyncExternalStore(
    listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => state,
  )
