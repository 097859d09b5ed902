import { queryOptions, useQueries, useQuery } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import { allPages } from '@/api/pages'
import { meQuery } from '@/api/queries'
import { classesQuery, classMembersQuery } from '../classes/queries'

/** Everybody in the organisation: an owner's to read. */
export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: () => allPages(cursor => data(api.GET('/api/members', { params: { query: { limit: 100, cursor } } })), page => page.members, 50),
})

/** Names by subject: of all members for an owner, of one's own students for a teacher. Who is not known is their subject's beginning. */
export function useNames(): (subject: string) => string {
  const owner = useQuery(meQuery).data?.role === 'owner'
  const members = useQuery({ ...membersQuery, enabled: owner }).data
  const classes = useQuery({ ...classesQuery, enabled: !owner }).data?.filter(one => one.manages)
  const students = useQueries({ queries: owner ? [] : (classes ?? []).map(one => classMembersQuery(one.id)) })
  const known = new Map<string, string>()
  for (const one of [...(members ?? []), ...students.flatMap(query => query.data ?? [])]) known.set(one.subject, one.name || one.username || one.subject)
  return subject => known.get(subject) ?? subject.slice(0, 8)
}
