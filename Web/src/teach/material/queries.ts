import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { allPages } from '@/api/pages'
import type { Schema } from '@/api/types'

export type Base = Schema['KnowledgeView']
export type Document = Schema['DocumentView']

export const basesQuery = queryOptions({
  queryKey: ['kb'],
  queryFn: () => allPages(cursor => data(api.GET('/api/kb', { params: { query: { limit: 100, cursor } } })), page => page.knowledge_bases),
})

export const baseQuery = (kbId: string) =>
  queryOptions({ queryKey: ['kb', kbId], queryFn: () => data(api.GET('/api/kb/{kb_id}', { params: { path: { kb_id: kbId } } })) })

/** Whether a document still becomes something else by itself. */
export const isMoving = ({ status }: Document): boolean => status !== 'ready' && status !== 'failed'

export const documentsQuery = (kbId: string) =>
  queryOptions({
    queryKey: ['kb', kbId, 'documents'],
    queryFn: () =>
      allPages(
        cursor => data(api.GET('/api/kb/{kb_id}/documents', { params: { path: { kb_id: kbId }, query: { limit: 100, cursor } } })),
        page => page.documents,
      ),
    // A file is read in the background. Events tell sooner; this holds where they are late.
    refetchInterval: query => (query.state.data?.some(isMoving) ? 5000 : false),
  })

/** A new knowledge base under an id made of its title: the API's ids have no Chinese, and are unique in the organisation. */
export async function makeBase(title: string): Promise<Base> {
  const kbId = slug(title)
  return data(api.PUT('/api/kb/{kb_id}', { params: { path: { kb_id: kbId } }, body: { title } }))
}

/** `a-z 0-9 -` of a title, with an end that makes it unique. */
export function slug(title: string): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  const end = [...crypto.getRandomValues(new Uint8Array(4))].map(byte => byte.toString(36).padStart(2, '0')).join('')
  return `${words || 'material'}-${end}`
}
