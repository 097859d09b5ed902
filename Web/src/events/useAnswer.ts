import { useSyncExternalStore } from 'react'
import type { Answer } from '@/stream/answer'
import type { AnswerStore } from '@/stream/answers'

/** An answer as far as it has come. */
export function useAnswer(store: AnswerStore): Answer {
  return useSyncExternalStore(store.subscribe, store.get)
}
