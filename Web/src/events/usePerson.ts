import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { meQuery } from '@/api/queries'
import type { Schema } from '@/api/types'

/** Who is signed in, or was when the sign-in ran out: the page keeps what it shows and asks to sign in again. */
export function usePerson(): Schema['MeView'] | null {
  const me = useQuery(meQuery).data ?? null
  const [known, setKnown] = useState(me)
  if (me && me !== known) setKnown(me)
  return me ?? known
}
