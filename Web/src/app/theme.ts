import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const listeners = new Set<() => void>()

/** The theme that the person chose on this device. */
export function readTheme(): Theme {
  const stored = localStorage.getItem('lyceum.theme')
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

export function applyTheme(theme: Theme = readTheme()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  // The browser's own bars follow the chosen theme, too; index.html has the two colours by the system's.
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]'))
    meta.content = theme === 'system' ? (meta.media.includes('dark') ? '#17181a' : '#fbfaf7') : dark ? '#17181a' : '#fbfaf7'
}

export function changeTheme(theme: Theme): void {
  localStorage.setItem('lyceum.theme', theme)
  applyTheme(theme)
  listeners.forEach(listener => listener())
}

export function useTheme(): Theme {
  return useSyncExternalStore(listener => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, readTheme)
}
