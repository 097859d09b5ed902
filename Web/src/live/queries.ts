import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'

export const tutorsQuery = queryOptions({
  queryKey: ['live', 'tutors'],
  staleTime: 60_000,
  queryFn: () => data(api.GET('/api/me/tutors', { params: { query: { limit: 100 } } })).then(page => page.tutors),
})

export const sessionsQuery = infiniteQueryOptions({
  queryKey: ['live', 'sessions'],
  initialPageParam: null as string | null,
  queryFn: ({ pageParam }) => data(api.GET('/api/sessions', { params: { query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) } } })),
  getNextPageParam: page => page.next_cursor,
})

/** One session with its turns, page after page. */
export const sessionQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['live', 'session', id],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      data(api.GET('/api/sessions/{session_id}', { params: { path: { session_id: id }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: page => page.next_cursor ?? null,
  })
