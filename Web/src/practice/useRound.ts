import { useReducer, useRef } from 'react'
import { queries } from '@/app/query'
import { uuid } from '@/ui/uuid'
import { sendAttempt, type Item } from './api'
import { isAway, keepAnswer } from './outbox'
import { startRound, takeStep, type Round } from './round'

export type Answer = { choice: number } | { answer: string }
export type Grade = 'again' | 'hard' | 'good' | 'easy'

/** Runs a round: sends each answer, and keeps it on this device where the server is away. */
export function useRound(items: readonly Item[]) {
  const [round, dispatch] = useReducer(takeStep, items, startRound)
  // An answer that is sent again (after an error, with the learner's own grade) is the same attempt.
  const attempt = useRef<{ at: number; id: string; answer: Answer } | null>(null)

  const send = async (answer: Answer, grade?: Grade) => {
    const { item } = round.queue[round.at]!
    const same = attempt.current?.at === round.at && JSON.stringify(attempt.current.answer) === JSON.stringify(answer)
    const id = same ? attempt.current!.id : uuid()
    attempt.current = { at: round.at, id, answer }
    const body = { attempt_id: id, ...answer, ...(grade ? { self_grade: grade } : {}) }
    dispatch({ type: 'send' })
    try {
      dispatch({ type: 'graded', attempt: await sendAttempt(item.id, body) })
    } catch (error) {
      if (!isAway(error)) return dispatch({ type: 'failed', error })
      keepAnswer({ item: item.id, body })
      dispatch({ type: 'kept' })
    }
  }

  return {
    round,
    current: round.queue[round.at] as Round['queue'][number] | undefined,
    send: (answer: Answer) => void send(answer),
    grade: (grade: Grade) => attempt.current && void send(attempt.current.answer, grade),
    next: () => {
      dispatch({ type: 'next' })
      if (round.at + 1 >= round.queue.length) {
        void queries.invalidateQueries({ queryKey: ['practice'] })
        void queries.invalidateQueries({ queryKey: ['plan'] })
        void queries.invalidateQueries({ queryKey: ['today'] })
      }
    },
  }
}
