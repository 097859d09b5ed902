/*
 * The page's frame without a network: index.html and the hashed files that it needs, nothing else. No answer of the API is ever kept.
 * A page is always asked of the network first, so an update shows at the next navigation; hashed files never change under their name.
 */
const store = 'lyceum-shell'
/** Files kept at most: the oldest are dropped. A version has about 100. */
const kept = 300
const api = /^\/(api|chat|v1|ws|health|alive|version|openapi|metrics)(\/|$)/

self.addEventListener('install', event => {
  self.skipWaiting()
  event.waitUntil(keepShell().catch(() => undefined))
})
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', event => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || api.test(url.pathname)) return
  if (request.mode === 'navigate') event.respondWith(page(request))
  else if (url.pathname.startsWith('/assets/') || url.pathname === '/icon.svg') event.respondWith(file(request))
})

async function page(request) {
  try {
    const answer = await fetch(request)
    if (answer.ok && !answer.redirected && isPage(answer)) {
      const cache = await caches.open(store)
      await cache.put('/', answer.clone())
    }
    return answer
  } catch (error) {
    const last = await caches.match('/')
    if (last) return last
    throw error
  }
}

async function file(request) {
  const cache = await caches.open(store)
  const known = await cache.match(request)
  if (known) return known
  const answer = await fetch(request)
  // A missing file may be answered with the page: that is not to be kept under its name.
  if (answer.ok && !isPage(answer)) await cache.put(request, answer.clone())
  return answer
}

/** The page and what it names, and files beyond the bound away. */
async function keepShell() {
  const cache = await caches.open(store)
  const answer = await fetch('/', { cache: 'no-cache', headers: { Accept: 'text/html' } })
  if (!answer.ok || !isPage(answer)) return
  const names = [...(await answer.clone().text()).matchAll(/(?:src|href)="(\/(?:assets\/[^"]+|icon\.svg))"/g)].map(match => match[1])
  await cache.put('/', answer)
  await Promise.all(names.map(name => cache.add(name)))
  const keys = await cache.keys()
  await Promise.all(keys.slice(0, Math.max(0, keys.length - kept)).map(key => cache.delete(key)))
}

const isPage = answer => (answer.headers.get('Content-Type') ?? '').startsWith('text/html')
