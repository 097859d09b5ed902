import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'

/** Tutors that the person may ask. */
export const usableTutorsQuery = queryOptions({
  queryKey: ['tutors', 'usable'],
  staleTime: 60_000,
  queryFn: async () => (await data(api.GET('/api/me/tutors', { params: { query: { limit: 100 } } }))).tutors,
})

/** Knowledge bases that the person may ask directly. */
export const knowledgeBasesQuery = queryOptions({
  queryKey: ['knowledge-bases', 'names'],
  staleTime: 60_000,
  queryFn: async () => (await data(api.GET('/api/kb', { params: { query: { limit: 100 } } }))).knowledge_bases,
})
