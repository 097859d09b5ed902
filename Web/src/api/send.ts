import { Problem, readProblem } from './problem'

/** Sends and receives with the browser's cookies. A sign-in that has run out (15 minutes) is refreshed once, whatever number of requests find it so. */
export async function send(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  // A body can be sent once: the copy is for the second attempt.
  const copy = request.clone()
  const response = await reach(request)
  if (response.status !== 401 || request.url.includes('/api/auth/')) return response
  return (await refresh()) ? reach(copy) : response
}

let refreshing: Promise<boolean> | null = null

/** Renews the sign-in. False: the person must sign in again. Two tabs at once are answered with the same tokens by the server. */
export function refresh(): Promise<boolean> {
  refreshing ??= fetch('/api/auth/refresh', { method: 'POST' })
    .then(async response => {
      if (response.ok) return true
      if (response.status >= 500 || response.status === 429) throw await readProblem(response)
      return false
    })
    .catch(error => {
      throw error instanceof Problem ? error : new Problem(0)
    })
    .finally(() => (refreshing = null))
  return refreshing
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request)
  } catch (error) {
    if (request.signal.aborted) throw error
    throw new Problem(0)
  }
}
