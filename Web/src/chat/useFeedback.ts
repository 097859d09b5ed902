import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { problemWords } from '@/ui/problem'
import { say } from '@/ui/toast'
import { rateAnswer } from './api'
import type { Message } from './model'
import { changeBranch } from './useMessages'

export interface Rating {
  rating: 'up' | 'down' | null
  comment?: string | null
}

/** Rates an answer: shown at once, taken back if the server refuses. */
export function useFeedback(conversation: string, message: string) {
  const queries = useQueryClient()
  const { t } = useTranslation()
  const show = (feedback: Message['feedback']) =>
    changeBranch(queries, conversation, branch => branch && { ...branch, messages: branch.messages.map(one => (one.id === message ? { ...one, feedback } : one)) })
  return useMutation({
    mutationFn: ({ rating, comment }: Rating) => rateAnswer(conversation, message, rating, comment ?? undefined),
    onMutate: next => {
      let before: Message['feedback'] = null
      changeBranch(queries, conversation, branch => {
        before = branch?.messages.find(one => one.id === message)?.feedback ?? null
        return branch
      })
      show(next.rating ? next : null)
      return before as Message['feedback']
    },
    onError: (error, _next, before) => {
      show(before ?? null)
      say(problemWords(error, t))
    },
  })
}
