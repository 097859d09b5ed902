import { useSyncExternalStore } from 'react'
import type { Problem } from '@/api/problem'
import type { Manner } from './model'

/** A question on its way: shown at once, sent until the server has it. */
export interface Pending {
  key: string
  conversation: string | null
  text: string | null
  /** The answer that it follows where it is another version of a question; of a first one the conversation. */
  parent_id: string | null
  edited: string | null
  regenerated: string | null
  manner: Manner
  images: string[]
  /** `retrying`: it did not arrive, and is sent again; `refused`: see `problem`. */
  state: 'sending' | 'retrying' | 'refused'
  problem: Problem | null
}

const place = (conversation: string | null) => conversation ?? 'new'
const all = new Map<string, Pending>()
const views = new Set<() => void>()
const stored = (person: string, conversation: string | null) => `lyceum.asking.${person}.${place(conversation)}`

/** Kept in this tab's storage too: after a reload it is sent again with its key, so it is asked once. */
export function setPending(person: string, conversation: string | null, pending: Pending | null): void {
  if (pending) all.set(place(conversation), pending)
  else all.delete(place(conversation))
  try {
    if (pending && pending.state !== 'refused') sessionStorage.setItem(stored(person, conversation), JSON.stringify({ ...pending, problem: null }))
    else sessionStorage.removeItem(stored(person, conversation))
  } catch {
    // As with drafts.
  }
  views.forEach(view => view())
}

/** What a page that was reloaded had on its way. */
export function leftPending(person: string, conversation: string | null): Pending | null {
  if (all.has(place(conversation))) return null
  try {
    return JSON.parse(sessionStorage.getItem(stored(person, conversation)) ?? 'null') as Pending | null
  } catch {
    return null
  }
}

/** Whether a question is on its way here, or was when the page was left. */
export const isPending = (person: string, conversation: string | null): boolean => all.has(place(conversation)) || leftPending(person, conversation) !== null

const subscribe = (view: () => void) => {
  views.add(view)
  return () => views.delete(view)
}

export const usePending = (conversation: string | null): Pending | null => useSyncExternalStore(subscribe, () => all.get(place(conversation)) ?? null)
