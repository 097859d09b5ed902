import { Problem, readProblem } from '@/api/problem'
import { send } from '@/api/send'
import type { Schema } from '@/api/types'
import { answerStore, type AnswerStore } from './answers'
import { pause } from './backoff'
import type { StreamClient } from './client'
import { readEvents } from './sse'

export type Question = Schema['ChatRequest'] & { images?: string[] }

/** From here on the question and its answer are durable. */
export interface Started {
  conversation_id: string
  message_id: string
  question_id: string
  store: AnswerStore
}

export interface AskOptions {
  /** The same key is never asked twice. */
  key: string
  signal?: AbortSignal
  /** It did not arrive, and is sent again after so many milliseconds. */
  onRetry?: (problem: Problem, wait: number) => void
  random?: () => number
}

/** Codes that tell the person something; to send again would not help. */
const final = new Set(['budget_exhausted', 'limit_reached', 'moderation_unavailable', 'too_many_attempts'])
const longestWait = 30
const silence = 35_000
/** A request that gets no answer for so long is sent again with its key. */
const noAnswer = 30_000

/**
 * Asks, and returns when the question is stored. A request that got no answer is sent again with the same key, for as long as the person
 * waits; what the server refuses is thrown. The answer's text comes in its store: first from this response, until the connection for all
 * answers carries it. That takes over without a byte lost or doubled, and a browser with six connections to a host has one free again.
 */
export async function ask(client: StreamClient, question: Question, options: AskOptions): Promise<Started> {
  for (let failures = 0; ; failures++) {
    try {
      return await once(client, question, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      const problem = error instanceof Problem ? error : new Problem(0)
      if (!problem.passing || final.has(problem.code) || (problem.retryAfter ?? 0) > longestWait) throw problem
      const wait = problem.retryAfter ? problem.retryAfter * 1000 : pause(failures, options.random)
      options.onRetry?.(problem, wait)
      await rest(wait, options.signal)
    }
  }
}

async function once(client: StreamClient, question: Question, { key, signal }: AskOptions): Promise<Started> {
  const stop = new AbortController()
  const giveUp = () => stop.abort()
  signal?.addEventListener('abort', giveUp)
  const slow = setTimeout(giveUp, noAnswer)
  try {
    const response = await send(new URL('/chat', location.origin).href, {
      method: 'POST',
      signal: stop.signal,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'idempotency-key': key },
      body: JSON.stringify({ on_disconnect: 'continue', ...question }),
    })
    if (!response.ok) {
      const problem = await readProblem(response)
      // A proxy between says it in the header only.
      const seconds = problem.retryAfter ?? (Number(response.headers.get('retry-after')) || null)
      throw new Problem(response.status, { code: problem.code, detail: problem.detail, retry_after: seconds, errors: problem.errors as Record<string, string[]> })
    }
    return await new Promise<Started>((resolve, reject) => {
      let store: AnswerStore | null = null
      readEvents(response, {
        signal: stop.signal,
        silence,
        onEvent: ({ event, id, data }) => {
          if (event === 'start' && !store) {
            const start = data as Omit<Started, 'store'>
            store = answerStore(client, start.message_id)
            store.readDirectly(stop)
            clearTimeout(slow)
            signal?.removeEventListener('abort', giveUp)
            resolve({ ...start, store })
          } else if (!store && event === 'error') reject(problemOf(data))
          store?.take({ event, id, data }, true)
        },
      })
        .catch(() => {})
        .finally(() => {
          store?.directEnded()
          reject(new Problem(0))
        })
    })
  } finally {
    clearTimeout(slow)
  }
}

const problemOf = (data: unknown): Problem => {
  const body = data as Partial<Schema['Problem']>
  return new Problem(body.status ?? 500, body)
}

function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      signal?.removeEventListener('abort', done)
      if (signal?.aborted) reject(signal.reason as Error)
      else resolve()
    }
    const timer = setTimeout(done, ms)
    window.addEventListener('online', done)
    signal?.addEventListener('abort', done)
  })
}
