import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'

/** Mine; an owner's: all of the organisation. */
export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: () => data(api.GET('/api/auth/invitations')).then(({ invitations }) => invitations),
})

export const isOpen = ({ status }: Schema['InvitationView']): boolean => status === 'open'
