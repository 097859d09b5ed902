import { streamOf, type StreamClient } from '@/stream/client'
import { usePerson } from './usePerson'

/** The stream of the person who is signed in; null: nobody is. All tabs share one connection. */
export function useStream(): StreamClient | null {
  const subject = usePerson()?.subject
  return subject ? streamOf(subject) : null
}
