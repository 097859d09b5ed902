import { queryOptions } from '@tanstack/react-query'
import { api, data } from '@/api/client'

/** Signing in and registering, with cookies: no token reaches the page. */
export const methodsQuery = queryOptions({
  queryKey: ['sign-in-methods'],
  staleTime: Infinity,
  queryFn: () => data(api.GET('/api/auth/methods')),
})

export const joinQuery = (code: string) =>
  queryOptions({ queryKey: ['join', code], retry: false, queryFn: () => data(api.GET('/api/classes/join/{code}', { params: { path: { code } } })) })

export const signIn = (username: string, password: string, invitation?: string) =>
  data(api.POST('/api/auth/login', { body: { username: username.trim(), password, cookie: true, invitation_code: invitation?.trim() || null } }))

export const setFirstPassword = (username: string, code: string, password: string) =>
  data(api.POST('/api/auth/first-password', { body: { username: username.trim(), code: code.trim(), new_password: password, cookie: true } }))

/** Makes the account and signs in. The server knows whether a code is the setup code or an invitation. */
export async function register(account: { name: string; username: string; password: string; code: string }): Promise<void> {
  const code = account.code.trim() || null
  const { name, username, password } = account
  await data(
    api.POST('/api/auth/register', {
      body: { username: username.trim(), password, name: name.trim() || null, invitation_code: code, setup_code: code },
    }),
  )
  await signIn(username, password)
}

/** Joins the class as one has read it: where it asks for something else meanwhile, the server answers 409. */
export const joinClass = (code: string, visibility: string) => data(api.POST('/api/classes/join', { body: { code, visibility } }))

/** Codes are written by hand: spaces, case and missing hyphens do not matter. */
export function tidyCode(typed: string): string {
  const fromLink = /\/join\/([^/?#\s]+)/.exec(typed)?.[1]
  return (fromLink ?? typed).trim().toLowerCase().replace(/\s+/g, '')
}
