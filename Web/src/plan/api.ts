import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'

export type Plan = Schema['Roadmap']
export type PlanConcept = Schema['Concept']
export type Progress = Schema['RoadmapProgress']
export type ConceptProgress = Schema['ConceptProgress']
export type PlannedWeek = Schema['PlannedWeek']
export type PlanTask = Schema['TaskStatusResponse']
export type Mark = 'known' | 'learning' | null

export const isOpen = (task: PlanTask): boolean => task.status === 'queued' || task.status === 'running'

const at = (id: string) => ({ params: { path: { task_id: id } } })

export const plansQuery = infiniteQueryOptions({
  queryKey: ['plan', 'list'],
  initialPageParam: '',
  queryFn: ({ pageParam }) => data(api.GET('/api/v1/roadmaps', { params: { query: { cursor: pageParam || undefined, limit: 10 } } })),
  getNextPageParam: page => page.next_cursor,
  refetchInterval: query => (query.state.data?.pages.some(page => page.tasks.some(isOpen)) ? 2_000 : false),
})

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ['plan', id, 'status'],
    queryFn: () => data(api.GET('/api/v1/roadmaps/{task_id}/status', at(id))),
    refetchInterval: query => (query.state.data && isOpen(query.state.data) ? 1_000 : false),
  })

export const resultQuery = (id: string) =>
  queryOptions({
    queryKey: ['plan', id, 'result'],
    // A finished plan never changes.
    staleTime: Infinity,
    queryFn: () => data(api.GET('/api/v1/roadmaps/{task_id}/result', at(id))),
  })

export const progressQuery = (id: string) =>
  queryOptions({
    queryKey: ['plan', id, 'progress'],
    queryFn: () => data(api.GET('/api/v1/roadmaps/{task_id}/progress', at(id))),
  })

/** Plans that one's classes share, without one's own. */
export const classPlansQuery = queryOptions({
  queryKey: ['plan', 'classes'],
  staleTime: 60_000,
  queryFn: async () => {
    const { classes } = await data(api.GET('/api/classes', { params: { query: { limit: 50 } } }))
    const shared = await Promise.all(
      classes
        .filter(one => !one.archived_at && !one.manages)
        .map(async one => {
          const page = await data(api.GET('/api/classes/{id}/shares', { params: { path: { id: one.id } } }))
          return page.shares.filter(share => share.kind === 'roadmap').map(share => ({ id: share.id, className: one.name }))
        }),
    )
    return shared.flat().filter((one, index, all) => all.findIndex(other => other.id === one.id) === index)
  },
})

/** The sets of questions about a concept that are there already, the newest first. */
export const setsQuery = queryOptions({
  queryKey: ['plan', 'sets'],
  queryFn: () => data(api.GET('/api/practice/sets', { params: { query: { limit: 100 } } })).then(page => page.sets),
})

/** What a plan can rest on. */
export const tutorsQuery = queryOptions({
  queryKey: ['plan', 'tutors'],
  queryFn: () => data(api.GET('/api/me/tutors', { params: { query: { limit: 100 } } })).then(page => page.tutors),
})
export const sourcesQuery = queryOptions({
  queryKey: ['plan', 'sources'],
  queryFn: () => data(api.GET('/api/kb', { params: { query: { limit: 100 } } })).then(page => page.knowledge_bases),
})

export const makePlan = (body: Schema['GenerateRequest'], key: string) => data(api.POST('/api/v1/roadmaps/generate', { body, headers: { 'Idempotency-Key': key } }))
export const cancelPlan = (id: string) => data(api.POST('/api/v1/roadmaps/{task_id}/cancel', at(id)))
export const retryPlan = (id: string) => data(api.POST('/api/v1/roadmaps/{task_id}/retry', at(id)))
export const markConcept = (id: string, concept: string, mark: Mark) => data(api.PUT('/api/v1/roadmaps/{task_id}/marks', { ...at(id), body: { concept_id: concept, mark } }))
export const reschedule = (id: string, hours: number) => data(api.POST('/api/v1/roadmaps/{task_id}/reschedule', { ...at(id), body: { weekly_commitment_hours: hours } }))
export const setDates = (id: string, dates: Schema['PlanDate'][]) => data(api.PUT('/api/v1/roadmaps/{task_id}/dates', { ...at(id), body: { dates } }))
