import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { allPages } from '@/api/pages'
import type { Schema } from '@/api/types'

export type Tutor = Schema['TutorView']

export const tutorsQuery = queryOptions({
  queryKey: ['tutors'],
  queryFn: () => allPages(cursor => data(api.GET('/api/tutors', { params: { query: { limit: 100, cursor } } })), page => page.tutors),
})

export const tutorQuery = (id: number) =>
  queryOptions({ queryKey: ['tutors', id], queryFn: () => data(api.GET('/api/tutors/{id}', { params: { path: { id } } })) })
