import { scriptAddress } from './trusted'

/** Keeps the page's frame for times without a network (public/sw.js). Only where browsers allow it: over https, or on this machine. */
export function keepShell(): void {
  if (!import.meta.env.PROD || !isSecureContext || !('serviceWorker' in navigator)) return
  addEventListener('load', () => {
    // The page works without it: a browser that refuses (private windows) is no error.
    navigator.serviceWorker.register(scriptAddress('/sw.js'), { updateViaCache: 'none' }).catch(() => undefined)
  })
}
