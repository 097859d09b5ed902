import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { readMessages } from './api'
import { withTail, type Branch } from './model'

/** Messages of a first look: some screens. Earlier ones come when they are scrolled to. */
const firstPage = 30
const earlierPage = 60

export const messagesKey = (id: string) => ['messages', id] as const

export const changeBranch = (queries: QueryClient, id: string, change: (branch: Branch | undefined) => Branch | undefined): void => {
  queries.setQueryData<Branch>(messagesKey(id), change)
}

/** Reads the end of the branch again. */
export async function refreshTail(queries: QueryClient, id: string, limit = firstPage): Promise<void> {
  const tail = await readMessages(id, limit)
  changeBranch(queries, id, branch => {
    const next = withTail(branch, tail)
    // A short tail that does not meet what is shown says nothing of what is between.
    if (next === tail && branch && limit < firstPage) void queries.invalidateQueries({ queryKey: messagesKey(id) })
    return next
  })
}

export function useMessages(id: string | null) {
  const queries = useQueryClient()
  const query = useQuery({
    queryKey: messagesKey(id ?? ''),
    enabled: id !== null,
    staleTime: 60_000,
    queryFn: async () => withTail(queries.getQueryData<Branch>(messagesKey(id!)), await readMessages(id!, firstPage)),
  })
  const [loading, setLoading] = useState(false)
  const [fault, setFault] = useState<unknown>(null)
  const before = query.data?.previous_cursor ?? null

  const loadEarlier = useCallback(async () => {
    if (id === null || before === null) return
    setLoading(true)
    setFault(null)
    try {
      const page = await readMessages(id, earlierPage, before)
      changeBranch(queries, id, branch =>
        branch?.previous_cursor === before ? { messages: [...page.messages, ...branch.messages], previous_cursor: page.previous_cursor } : branch,
      )
    } catch (error) {
      setFault(error)
    } finally {
      setLoading(false)
    }
  }, [id, before, queries])

  return { query, messages: query.data?.messages ?? [], hasEarlier: before !== null, loadEarlier, loading, fault }
}
