import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { Problem } from '@/api/problem'
import type { Schema } from '@/api/types'
import { keepDue, keptDue } from './kept'

export type Item = Schema['ItemView']
export type Attempt = Schema['AttemptView']
export type PracticeSet = Schema['SetView']
export type Task = Schema['PracticeTask']
export type Due = Schema['DuePage'] & { /** Read earlier, from this device: the server cannot be reached. */ offline?: boolean }

/** How many due questions are read at once; the server counts no further either. */
const most = 100

/** What is due. Without a network: what was due when it was last read, so that one can go on. */
export const dueQuery = queryOptions({
  queryKey: ['practice', 'due'],
  queryFn: async (): Promise<Due> => {
    try {
      const due = await data(api.GET('/api/practice/due', { params: { query: { limit: most } } }))
      keepDue(due)
      return due
    } catch (error) {
      const kept = error instanceof Problem && error.status === 0 ? keptDue() : null
      if (kept) return { ...kept, offline: true }
      throw error
    }
  },
})

export const setsQuery = infiniteQueryOptions({
  queryKey: ['practice', 'sets'],
  initialPageParam: '',
  queryFn: ({ pageParam }) => data(api.GET('/api/practice/sets', { params: { query: { cursor: pageParam || undefined, limit: 20 } } })),
  getNextPageParam: page => page.next_cursor,
})

export const setQuery = (id: string) =>
  queryOptions({
    queryKey: ['practice', 'set', id],
    queryFn: () => data(api.GET('/api/practice/sets/{id}', { params: { path: { id } } })),
  })

const isOpen = (task: Task): boolean => task.status === 'queued' || task.status === 'running'

/** Sets that are being made, and those that could not be. */
export const tasksQuery = queryOptions({
  queryKey: ['practice', 'tasks'],
  queryFn: () => data(api.GET('/api/practice/tasks', { params: { query: { limit: 10 } } })).then(page => page.tasks),
  refetchInterval: query => (query.state.data?.some(isOpen) ? 1_500 : false),
})

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ['practice', 'task', id],
    queryFn: () => data(api.GET('/api/practice/tasks/{task_id}/status', { params: { path: { task_id: id } } })),
    refetchInterval: query => (!query.state.data || isOpen(query.state.data) ? 1_000 : false),
  })

export const makeSet = (from: Schema['SetOrigin'], count: number, key: string) =>
  data(api.POST('/api/practice/sets', { body: { from, count }, headers: { 'Idempotency-Key': key } }))

export const deleteSet = (id: string) => data(api.DELETE('/api/practice/sets/{id}', { params: { path: { id } } }))
export const cancelTask = (id: string) => data(api.POST('/api/practice/tasks/{task_id}/cancel', { params: { path: { task_id: id } } }))
export const retryTask = (id: string) => data(api.POST('/api/practice/tasks/{task_id}/retry', { params: { path: { task_id: id } } }))

export const sendAttempt = (item: string, body: Schema['AttemptRequest']): Promise<Attempt> =>
  data(api.POST('/api/practice/items/{id}/attempts', { params: { path: { id: item } }, body }))

/** Where questions can come from. */
export const plansQuery = queryOptions({
  queryKey: ['practice', 'plans'],
  queryFn: () => data(api.GET('/api/v1/roadmaps', { params: { query: { status: 'completed', limit: 50 } } })).then(page => page.tasks),
})
export const planQuery = (id: string) =>
  queryOptions({
    queryKey: ['practice', 'plan', id],
    queryFn: () => data(api.GET('/api/v1/roadmaps/{task_id}/progress', { params: { path: { task_id: id } } })),
    enabled: id !== '',
  })
export const tutorsQuery = queryOptions({
  queryKey: ['practice', 'tutors'],
  queryFn: () => data(api.GET('/api/me/tutors', { params: { query: { limit: 100 } } })).then(page => page.tutors),
})
export const sourcesQuery = queryOptions({
  queryKey: ['practice', 'sources'],
  queryFn: () => data(api.GET('/api/kb', { params: { query: { limit: 100 } } })).then(page => page.knowledge_bases),
})
export const conversationsQuery = queryOptions({
  queryKey: ['practice', 'conversations'],
  queryFn: () => data(api.GET('/api/conversations', { params: { query: { limit: 50 } } })).then(page => page.conversations),
})
