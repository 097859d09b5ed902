import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'

/** What a person finds at the start. Each is read by itself: what one service does not answer hides nothing of the others. */
const often = 30_000

export const conversationsQuery = queryOptions({
  queryKey: ['today', 'conversations'],
  queryFn: () => data(api.GET('/api/conversations', { params: { query: { limit: 5 } } })).then(page => page.conversations),
  // A running mark goes away when its answer is complete.
  refetchInterval: query => (query.state.data?.some(one => one.running) ? 3000 : often),
})

export const dueQuery = queryOptions({
  queryKey: ['today', 'due'],
  queryFn: () => data(api.GET('/api/practice/due', { params: { query: { limit: 1 } } })),
  refetchInterval: often,
})

/** The plans that were asked for last, the newest first. */
export const plansQuery = queryOptions({
  queryKey: ['today', 'plans'],
  queryFn: () => data(api.GET('/api/v1/roadmaps', { params: { query: { limit: 5 } } })).then(page => page.tasks),
  refetchInterval: query => (query.state.data?.some(one => one.status === 'queued' || one.status === 'running') ? 3000 : false),
})

export const progressQuery = (id: string) =>
  queryOptions({
    queryKey: ['today', 'progress', id],
    queryFn: () => data(api.GET('/api/v1/roadmaps/{task_id}/progress', { params: { path: { task_id: id } } })),
  })

export const tutorsQuery = queryOptions({
  queryKey: ['today', 'tutors'],
  queryFn: () => data(api.GET('/api/me/tutors', { params: { query: { limit: 12 } } })).then(page => page.tutors),
})

export const classesQuery = queryOptions({
  queryKey: ['today', 'classes'],
  queryFn: () => data(api.GET('/api/classes', { params: { query: { limit: 50 } } })).then(page => page.classes.filter(one => !one.archived_at)),
})
