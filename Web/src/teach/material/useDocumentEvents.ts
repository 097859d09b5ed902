import { useQueryClient } from '@tanstack/react-query'
import { useEvents } from '@/events/useEvents'
import { documentsQuery } from './queries'

/** Reads the documents of a knowledge base anew when one of them changes, in this tab or elsewhere. */
export function useDocumentEvents(kbId: string): void {
  const cache = useQueryClient()
  useEvents(({ event, data }) => {
    const missed = event === 'reset' || event === 'ready'
    if (missed || (event.startsWith('document.') && data.kb_id === kbId)) void cache.invalidateQueries({ queryKey: documentsQuery(kbId).queryKey })
  })
}
