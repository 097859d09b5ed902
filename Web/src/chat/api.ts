import { api, data } from '@/api/client'
import type { Branch, Conversation } from './model'

/** Messages of the active branch: the last ones, or those before a cursor. */
export async function readMessages(id: string, limit: number, before?: string): Promise<Branch> {
  const page = await data(api.GET('/api/conversations/{id}/messages', { params: { path: { id }, query: { limit, before } } }))
  return { messages: page.messages as Branch['messages'], previous_cursor: page.previous_cursor ?? null }
}

export const readConversation = (id: string): Promise<Conversation> => data(api.GET('/api/conversations/{id}', { params: { path: { id } } }))

export const changeConversation = (id: string, change: { title?: string; pinned?: boolean; archived?: boolean; active_leaf_id?: string }): Promise<Conversation> =>
  data(api.PATCH('/api/conversations/{id}', { params: { path: { id } }, body: change }))

export const deleteConversation = (id: string): Promise<unknown> => data(api.DELETE('/api/conversations/{id}', { params: { path: { id } } }))

export const stopAnswer = (message_id: string): Promise<unknown> => data(api.POST('/chat/{message_id}/stop', { params: { path: { message_id } } }))

export const rateAnswer = (id: string, message_id: string, rating: 'up' | 'down' | null, comment?: string): Promise<unknown> =>
  data(api.PUT('/api/conversations/{id}/messages/{message_id}/feedback', { params: { path: { id, message_id } }, body: { rating, comment: comment || null } }))

export const reportModeration = (id: string, message_id: string, reason: string): Promise<unknown> =>
  data(api.POST('/api/conversations/{id}/messages/{message_id}/moderation/report', { params: { path: { id, message_id } }, body: { reason } }))

export const exportAddress = (id: string, format: 'markdown' | 'json'): string => `/api/conversations/${id}/export?format=${format}`
