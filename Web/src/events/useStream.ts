import { useQuery } from '@tanstack/react-query'
import { meQuery } from '@/api/queries'
import { streamOf, type StreamClient } from '@/stream/client'

/** The stream of the person who is signed in; null: nobody is. All tabs share one connection. */
export function useStream(): StreamClient | null {
  const subject = useQuery(meQuery).data?.subject
  return subject ? streamOf(subject) : null
}
