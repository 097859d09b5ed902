import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { allPages } from '@/api/pages'
import type { Schema } from '@/api/types'

export type Class = Schema['ClassView']
export type ShareKind = 'tutor' | 'roadmap' | 'practice_set'

export const classesQuery = queryOptions({
  queryKey: ['classes'],
  queryFn: () => allPages(cursor => data(api.GET('/api/classes', { params: { query: { limit: 100, cursor } } })), page => page.classes),
})

export const classQuery = (id: string) =>
  queryOptions({ queryKey: ['classes', id], queryFn: () => data(api.GET('/api/classes/{id}', { params: { path: { id } } })) })

export const classMembersQuery = (id: string) =>
  queryOptions({
    queryKey: ['classes', id, 'members'],
    queryFn: () =>
      allPages(cursor => data(api.GET('/api/classes/{id}/members', { params: { path: { id }, query: { limit: 100, cursor } } })), page => page.members),
  })

export const sharesQuery = (id: string) =>
  queryOptions({ queryKey: ['classes', id, 'shares'], queryFn: () => data(api.GET('/api/classes/{id}/shares', { params: { path: { id } } })) })

export const overviewQuery = (id: string) =>
  queryOptions({ queryKey: ['classes', id, 'overview'], queryFn: () => data(api.GET('/api/classes/{id}/overview', { params: { path: { id } } })) })

export const share = (classId: string, kind: ShareKind, id: string) => data(api.POST('/api/classes/{id}/shares', { params: { path: { id: classId } }, body: { kind, id } }))

export const unshare = (classId: string, kind: string, thing: string) =>
  data(api.DELETE('/api/classes/{id}/shares/{kind}/{thing}', { params: { path: { id: classId, kind, thing } } }))
