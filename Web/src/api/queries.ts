import { queryOptions } from '@tanstack/react-query'
import { api, data } from './client'
import { Problem } from './problem'

/** Who I am; null when nobody is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  staleTime: 60_000,
  queryFn: () =>
    data(api.GET('/api/me')).catch(error => {
      if (error instanceof Problem && error.status === 401) return null
      throw error
    }),
})

/** What this system offers: nothing is shown that cannot be used. */
export const capabilitiesQuery = queryOptions({
  queryKey: ['capabilities'],
  staleTime: 60_000,
  queryFn: () => data(api.GET('/api/capabilities')),
})
