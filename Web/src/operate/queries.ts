import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { Problem, readProblem } from '@/api/problem'
import { send } from '@/api/send'
import type { Schema } from '@/api/types'
import { readMetrics } from './metrics'

/** Tables follow what happens while one looks; a page in the background asks for nothing. */
const following = { refetchInterval: 5000, staleTime: 4000 } as const

/** A failing system answers 503 with the same document: here that is an answer, no error. */
export const healthQuery = queryOptions({
  queryKey: ['operate', 'health'],
  queryFn: async () => {
    const response = await send('/health')
    const document = (await response.clone().json().catch(() => null)) as Partial<Schema['HealthDocument']> | null
    if (document?.checks) return document as Schema['HealthDocument']
    throw await readProblem(response)
  },
  ...following,
})

export const metricsQuery = queryOptions({
  queryKey: ['operate', 'metrics'],
  queryFn: async () => {
    const response = await send('/metrics')
    if (!response.ok) throw await readProblem(response)
    return { at: performance.now(), samples: readMetrics(await response.text()) }
  },
  ...following,
})

export const engineQuery = queryOptions({ queryKey: ['operate', 'engine'], queryFn: () => data(api.GET('/v1/engine/state')), ...following })

/** Null where the engine starts no model server, which then has no log. */
export const engineLogQuery = queryOptions({
  queryKey: ['operate', 'engine', 'log'],
  queryFn: () =>
    data(api.GET('/v1/engine/log')).catch(error => {
      if (error instanceof Problem && error.status === 404) return null
      throw error
    }),
  ...following,
})

export const modelsQuery = queryOptions({ queryKey: ['operate', 'models'], queryFn: () => data(api.GET('/v1/models')), refetchInterval: 30_000 })
export const versionQuery = queryOptions({ queryKey: ['operate', 'version'], queryFn: () => data(api.GET('/version')), staleTime: Infinity })
export const budgetsQuery = queryOptions({ queryKey: ['operate', 'budgets'], queryFn: () => data(api.GET('/api/usage/all')), ...following })
export const toolVersionsQuery = queryOptions({ queryKey: ['operate', 'tools'], queryFn: () => data(api.GET('/api/config/tools')), refetchInterval: 30_000 })

const unfinished = (status: string) => status === 'queued' || status === 'running'

/** The caller's own tasks that are not done, of every kind. */
export const tasksQuery = queryOptions({
  queryKey: ['operate', 'tasks'],
  queryFn: async () => {
    const lists = await Promise.all([
      data(api.GET('/api/v1/roadmaps', { params: { query: { limit: 50 } } })).then(({ tasks }) => tasks.map(task => ({ ...task, kind: 'roadmap' as const }))),
      data(api.GET('/api/practice/tasks', { params: { query: { limit: 50 } } })).then(({ tasks }) => tasks.map(task => ({ ...task, kind: 'practice' as const }))),
    ])
    return lists.flat().filter(task => unfinished(task.status))
  },
  ...following,
})
