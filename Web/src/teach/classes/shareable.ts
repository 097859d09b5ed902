import { useQuery } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { allPages } from '@/api/pages'
import { tutorsQuery } from '../tutors/queries'
import type { ShareKind } from './queries'

export interface Shareable {
  id: string
  title: string
}

const none: Shareable[] = []

/** What I could share, by kind: my tutors, my finished plans, my practice sets. */
export function useShareable(): Record<ShareKind, readonly Shareable[]> {
  const tutors = useQuery({ ...tutorsQuery, select: list => list.map(({ id, name }) => ({ id: String(id), title: name })) })
  const plans = useQuery({
    queryKey: ['shareable', 'plans'],
    queryFn: () =>
      allPages(
        cursor => data(api.GET('/api/v1/roadmaps', { params: { query: { status: 'completed', limit: 100, cursor } } })),
        page => page.tasks.map(task => ({ id: task.task_id, title: task.user_query })),
        5,
      ),
  })
  const sets = useQuery({
    queryKey: ['shareable', 'sets'],
    queryFn: () =>
      allPages(
        cursor => data(api.GET('/api/practice/sets', { params: { query: { limit: 100, cursor } } })),
        page => page.sets.filter(set => set.is_own).map(({ id, title }) => ({ id, title })),
        5,
      ),
  })
  return { tutor: tutors.data ?? none, roadmap: plans.data ?? none, practice_set: sets.data ?? none }
}
