import { useMutation, useQueryClient } from '@tanstack/react-query'
import { say } from '@/ui/toast'
import { problemWords } from '@/ui/problem'
import { useTranslation } from 'react-i18next'
import { changeConversation } from './api'
import { messagesKey, refreshTail } from './useMessages'

/** Shows another branch: that of a message. */
export function useShowBranch(conversation: string) {
  const queries = useQueryClient()
  const { t } = useTranslation()
  return useMutation({
    mutationFn: async (message: string) => {
      await changeConversation(conversation, { active_leaf_id: message })
      await refreshTail(queries, conversation).catch(() => queries.invalidateQueries({ queryKey: messagesKey(conversation) }))
    },
    onError: error => say(problemWords(error, t)),
  }).mutate
}
