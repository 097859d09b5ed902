import { useQueryClient } from '@tanstack/react-query'
import { useEvents } from '@/events/useEvents'
import type { Branch } from './model'
import { conversationKey, patchConversation, readListAgain } from './useConversations'
import { messagesKey, refreshTail } from './useMessages'

/** Keeps the list and the conversation that is shown as they are at the server. */
export function useChatEvents(shown: string | null): void {
  const queries = useQueryClient()
  const known = (id: string) => queries.getQueryData<Branch>(messagesKey(id))
  useEvents(({ event, data }) => {
    const id = data.conversation_id as string
    const message = data.message_id as string
    switch (event) {
      case 'ready':
      case 'reset':
        if (event === 'reset' && data.source !== 'chat-api' && data.source !== '') return
        void readListAgain(queries)
        if (shown && known(shown)) void refreshTail(queries, shown).catch(() => {})
        return
      case 'answer.started':
        patchConversation(queries, id, { running: message, updated_at: new Date().toISOString() })
        void readListAgain(queries)
        if (known(id) && !known(id)!.messages.some(one => one.id === message)) void refreshTail(queries, id, 4).catch(() => {})
        return
      case 'answer.ended':
        patchConversation(queries, id, { running: null })
        // Its view writes the end down itself, a moment after: an answer without a view is read again.
        setTimeout(() => {
          const stale = known(id)?.messages.some(one => one.id === message && one.status === 'streaming')
          if (stale) void refreshTail(queries, id, 4).catch(() => {})
        }, 1500)
        return
      case 'conversation.created':
        return void readListAgain(queries)
      case 'conversation.renamed':
        patchConversation(queries, id, { title: data.title as string })
        return
      case 'conversation.deleted':
        patchConversation(queries, id, null)
        void queries.invalidateQueries({ queryKey: conversationKey(id) })
        return
    }
  })
}
