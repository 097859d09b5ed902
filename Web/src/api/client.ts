import createClient from 'openapi-fetch'
import { readProblem } from './problem'
import type { paths } from './schema.d'
import { send } from './send'

/** Every route of the public API, with types from docs/openapi.json. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: send })

/**
 * The body of a successful answer; else throws a `Problem`.
 *
 *     const me = await data(api.GET('/api/me'))
 */
export async function data<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data: body, error, response } = await call
  if (response.ok) return body as T
  throw error && typeof error === 'object' && 'code' in error
    ? await readProblem(new Response(JSON.stringify(error), { status: response.status }))
    : await readProblem(response)
}
