import type { Attempt, Item } from './api'

/** One sitting: questions one after the other; what was wrong comes once more at its end. A reducer with no React in it. */
export interface Round {
  queue: readonly { item: Item; again: boolean }[]
  at: number
  /** answering → sending → graded | ungraded (the learner grades) | kept (on this device) → next */
  phase: 'answering' | 'sending' | 'graded' | 'ungraded' | 'kept' | 'done'
  attempt: Attempt | null
  error: unknown
  results: readonly { item: Item; outcome: string; again: boolean }[]
}

export type Step =
  | { type: 'send' }
  | { type: 'graded'; attempt: Attempt }
  | { type: 'kept' }
  | { type: 'failed'; error: unknown }
  | { type: 'next' }

export const startRound = (items: readonly Item[]): Round => ({
  queue: items.map(item => ({ item, again: false })),
  at: 0,
  phase: items.length > 0 ? 'answering' : 'done',
  attempt: null,
  error: null,
  results: [],
})

export function takeStep(round: Round, step: Step): Round {
  const current = round.queue[round.at]
  if (!current) return round
  switch (step.type) {
    case 'send':
      return { ...round, phase: 'sending', error: null }
    case 'failed':
      return { ...round, phase: round.attempt ? 'ungraded' : 'answering', error: step.error }
    case 'kept':
      return { ...round, phase: 'kept', error: null, results: [...round.results, { ...current, outcome: 'kept' }] }
    case 'graded': {
      if (step.attempt.outcome === 'ungraded' && !step.attempt.rating) return { ...round, phase: 'ungraded', attempt: step.attempt, error: null }
      const outcome = outcomeOf(step.attempt)
      const repeat = outcome === 'wrong' && !current.again
      return {
        ...round,
        phase: 'graded',
        attempt: step.attempt,
        error: null,
        queue: repeat ? [...round.queue, { item: current.item, again: true }] : round.queue,
        results: [...round.results, { ...current, outcome }],
      }
    }
    case 'next': {
      const at = round.at + 1
      return { ...round, at, attempt: null, error: null, phase: at < round.queue.length ? 'answering' : 'done' }
    }
  }
}

/** What an attempt was: as graded, or as the learner graded it. */
export function outcomeOf(attempt: Attempt): 'correct' | 'partial' | 'wrong' {
  if (attempt.outcome === 'correct' || attempt.outcome === 'partial' || attempt.outcome === 'wrong') return attempt.outcome
  return attempt.rating === 'again' ? 'wrong' : attempt.rating === 'hard' ? 'partial' : 'correct'
}
