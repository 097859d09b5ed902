import type { Schema } from './types'

type ProblemBody = Schema['Problem']

/** An error of the API as its problem document tells it (RFC 9457), or of the network (`code` is `offline`). */
export class Problem extends Error {
  readonly status: number
  /** Stable: words in the reader's language stand under it in `problems.json`. */
  readonly code: string
  /** What the server says, in English: shown where the code has no words. */
  readonly detail: string
  /** Seconds to wait before the next attempt. */
  readonly retryAfter: number | null
  /** Faults by field, as the server names the fields. */
  readonly errors: Readonly<Record<string, readonly string[]>>

  constructor(status: number, body: Partial<ProblemBody> = {}) {
    super(body.detail ?? body.code ?? `HTTP ${status}`)
    this.name = 'Problem'
    this.status = status
    this.code = body.code ?? (status === 0 ? 'offline' : 'internal')
    this.detail = body.detail ?? ''
    this.retryAfter = body.retry_after ?? null
    this.errors = body.errors ?? {}
  }

  /** Whether the same request may succeed later without a change. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** Reads a problem document; a proxy's own error page becomes a problem with its status. */
export async function readProblem(response: Response): Promise<Problem> {
  try {
    return new Problem(response.status, (await response.json()) as Partial<ProblemBody>)
  } catch {
    return new Problem(response.status)
  }
}
