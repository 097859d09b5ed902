import { api, data } from '@/api/client'
import { sendKeptAnswers } from './kept'
import { queries } from './query'

/**
 * Entering and leaving. Each ends with a whole page load: no module of the page keeps anything of the person before.
 * Other tabs of the browser share the cookies, so they load anew as well.
 */
const tabs = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('lyceum.session')

/** What belongs to the device and not to a person: it stays at a sign-out. */
const ofDevice = new Set(['lyceum.theme', 'lyceum.language', 'lyceum.shortcuts'])

/** Called once at the start of a page. Pages on which nobody is signed in go on: the person may be typing there. */
export function followOtherTabs(): void {
  if (!tabs) return
  tabs.onmessage = () => {
    if (!/^\/(sign-in(\/first)?|register)$/.test(location.pathname)) location.reload()
  }
}

/** After a sign-in, or a change of the organisation: everything is read anew. */
export function enter(next: string): void {
  queries.clear()
  tabs?.postMessage('entered')
  location.replace(next)
}

export async function leave(): Promise<void> {
  // Answers that still wait are sent while they can be.
  await sendKeptAnswers()
  await data(api.POST('/api/auth/logout'))
  await forget()
  tabs?.postMessage('left')
  location.replace('/sign-in')
}

/** Goes on in another organisation of mine. */
export async function enterTenant(tenant: string): Promise<void> {
  await data(api.POST('/api/auth/refresh', { body: { tenant } }))
  enter('/')
}

/** Drafts, queued answers and caches of the person who leaves: the next one at this device must not find them. */
export async function forget(): Promise<void> {
  queries.clear()
  for (const key of Object.keys(localStorage)) if (key.startsWith('lyceum.') && !ofDevice.has(key)) localStorage.removeItem(key)
  sessionStorage.clear()
  const databases = typeof indexedDB === 'undefined' ? [] : ((await indexedDB.databases?.().catch(() => [])) ?? [])
  for (const { name } of databases) if (name?.startsWith('lyceum')) indexedDB.deleteDatabase(name)
}
