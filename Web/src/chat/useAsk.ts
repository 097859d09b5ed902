import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useCallback, useEffect } from 'react'
import { Problem } from '@/api/problem'
import { useStream } from '@/events/useStream'
import { ask } from '@/stream/ask'
import type { StreamClient } from '@/stream/client'
import { uuid } from '@/ui/uuid'
import { keepDraft, readDraft } from './drafts'
import { withAsked, type Manner } from './model'
import { leftPending, setPending, type Pending } from './pending'
import { readListAgain } from './useConversations'
import { changeBranch } from './useMessages'

export interface NewQuestion {
  text: string | null
  manner: Manner
  parent_id?: string | null
  edited?: string | null
  regenerated?: string | null
  images?: string[]
}

const cancels = new Map<string, AbortController>()

/** Sends a question until the server has it; then it is in the branch. The conversation, or null: refused or taken back. */
async function carry(stream: StreamClient, queries: QueryClient, pending: Pending): Promise<string | null> {
  const { person } = stream
  const { conversation, manner } = pending
  const cancel = new AbortController()
  cancels.set(pending.key, cancel)
  setPending(person, conversation, { ...pending, state: 'sending', problem: null })
  try {
    const started = await ask(
      stream,
      {
        conversation_id: pending.regenerated ? undefined : (conversation ?? undefined),
        message: pending.text ?? undefined,
        parent_id: pending.parent_id ?? undefined,
        regenerate_of: pending.regenerated ?? undefined,
        ...(pending.images.length > 0 && { images: pending.images }),
        ...Object.fromEntries(Object.entries(manner).filter(([, value]) => value !== null)),
      },
      { key: pending.key, signal: cancel.signal, onRetry: problem => setPending(person, conversation, { ...pending, state: 'retrying', problem }) },
    )
    changeBranch(queries, started.conversation_id, branch => withAsked(branch, started, pending, new Date().toISOString()))
    setPending(person, conversation, null)
    if (readDraft(person, conversation) === pending.text) keepDraft(person, conversation, '')
    void readListAgain(queries)
    return started.conversation_id
  } catch (error) {
    if (cancel.signal.aborted) setPending(person, conversation, null)
    else setPending(person, conversation, { ...pending, state: 'refused', problem: error instanceof Problem ? error : new Problem(0) })
    return null
  } finally {
    cancels.delete(pending.key)
  }
}

/** Asks in a conversation; null: begins one, and opens it. */
export function useAsk(conversation: string | null) {
  const stream = useStream()
  const queries = useQueryClient()
  const router = useRouter()

  const start = useCallback(
    async (pending: Pending) => {
      if (!stream) return
      const id = await carry(stream, queries, pending)
      if (id && pending.conversation === null && router.state.location.pathname === '/c') await router.navigate({ to: '/c/$id', params: { id }, replace: true })
    },
    [stream, queries, router],
  )

  // What was on its way when the page was left is sent again, with its key.
  useEffect(() => {
    const left = stream && leftPending(stream.person, conversation)
    if (left) void start(left)
  }, [stream, conversation, start])

  const send = useCallback(
    ({ text, manner, parent_id = null, edited = null, regenerated = null, images = [] }: NewQuestion) =>
      start({ key: uuid(), conversation, text, parent_id, edited, regenerated, manner, images, state: 'sending', problem: null }),
    [start, conversation],
  )
  /** Gives it up; its text stays a draft. */
  const cancel = useCallback(
    (pending: Pending) => {
      cancels.get(pending.key)?.abort()
      if (stream) setPending(stream.person, conversation, null)
    },
    [stream, conversation],
  )
  return { send, again: start, cancel }
}
