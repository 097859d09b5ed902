import { queryOptions } from '@tanstack/react-query'
import { api, data } from './client'
import { Problem } from './problem'
import type { Schema } from './types'

const lastMe = 'lyceum.me'

/** Without a network: who it was, so that a page opens with what this device keeps. A sign-out forgets it. */
function rememberedMe(): Schema['MeView'] | null {
  try {
    return JSON.parse(localStorage.getItem(lastMe) ?? 'null') as Schema['MeView'] | null
  } catch {
    return null
  }
}

/** Who I am; null when nobody is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  staleTime: 60_000,
  queryFn: () =>
    data(api.GET('/api/me')).then(
      me => {
        localStorage.setItem(lastMe, JSON.stringify(me))
        return me
      },
      error => {
        if (error instanceof Problem && error.status === 401) return null
        const remembered = error instanceof Problem && error.status === 0 ? rememberedMe() : null
        if (remembered) return remembered
        throw error
      },
    ),
})

/** What this system offers: nothing is shown that cannot be used. */
export const capabilitiesQuery = queryOptions({
  queryKey: ['capabilities'],
  staleTime: 60_000,
  queryFn: () => data(api.GET('/api/capabilities')),
})
