/**
 * Where to go after a sign-in: a path of this page's own origin, or the start. A foreign address, also one that only looks like a path
 * (`//host`, `/\host`, a control character in between), would send a person who trusts this page somewhere else.
 */
export function ownPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return '/'
  try {
    const url = new URL(next, location.origin)
    if (url.origin !== location.origin) return '/'
    const path = url.pathname + url.search + url.hash
    // After resolving, `/..//host` has become `//host`.
    return path.startsWith('//') || /^\/(sign-in|register|api)(\/|\?|$)/.test(path) ? '/' : path
  } catch {
    return '/'
  }
}
