import { useInfiniteQuery, useQuery, useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Problem } from '@/api/problem'
import { readConversation } from './api'
import type { Conversation } from './model'

type Pages = InfiniteData<Schema['ConversationPage'], string | null>

export const listKey = (archived: boolean) => ['conversations', archived] as const
export const conversationKey = (id: string) => ['conversation', id] as const

export function useConversations(archived: boolean) {
  const query = useInfiniteQuery({
    queryKey: listKey(archived),
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => data(api.GET('/api/conversations', { params: { query: { limit: 40, cursor: pageParam ?? undefined, archived } } })),
    getNextPageParam: page => page.next_cursor ?? null,
  })
  const seen = new Set<string>()
  const conversations = (query.data?.pages.flatMap(page => page.conversations) ?? []).filter(({ id }) => !seen.has(id) && seen.add(id))
  return { query, conversations }
}

export function useConversation(id: string | null) {
  const queries = useQueryClient()
  return useQuery({
    queryKey: conversationKey(id ?? ''),
    enabled: id !== null,
    queryFn: () => readConversation(id!),
    placeholderData: () => findListed(queries, id),
  })
}

/** Deleted, perhaps in another window while it is shown here. */
export function useIsGone(id: string | null): boolean {
  const { error } = useConversation(id)
  return error instanceof Problem && error.code === 'conversation_not_found'
}

/** A title as text: some models write Markdown. */
export const plainTitle = (title: string): string => title.replace(/\*\*|__|`|^#+ /g, '')

function findListed(queries: QueryClient, id: string | null): Conversation | undefined {
  for (const archived of [false, true]) {
    const found = queries.getQueryData<Pages>(listKey(archived))?.pages.flatMap(page => page.conversations).find(one => one.id === id)
    if (found) return found
  }
  return undefined
}

/** Shows a change at once, wherever the conversation is shown. */
export function patchConversation(queries: QueryClient, id: string, change: Partial<Conversation> | null): void {
  for (const archived of [false, true])
    queries.setQueryData<Pages>(listKey(archived), pages =>
      pages && {
        ...pages,
        pages: pages.pages.map(page => ({
          ...page,
          conversations: page.conversations.flatMap(one => (one.id !== id ? one : change ? { ...one, ...change } : [])),
        })),
      },
    )
  if (change) queries.setQueryData<Conversation>(conversationKey(id), one => one && { ...one, ...change })
}

export const readListAgain = (queries: QueryClient): Promise<void> => queries.invalidateQueries({ queryKey: ['conversations'] })
