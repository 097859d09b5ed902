import { useEffect, useRef, useSyncExternalStore } from 'react'

/**
 * Keyboard shortcuts: one listener, one registry. A feature adds its own with `useShortcut`; `?` lists them all.
 *
 *     useShortcut('g t', t('today:title'), () => void navigate({ to: '/' }))
 *
 * They rest while somebody types, while a dialog is open, and where the person switched them off (WCAG 2.1.4).
 */
interface Shortcut {
  /** Keys one after the other, as `KeyboardEvent.key` names them: `g t`, `?`, `ArrowLeft`. */
  keys: string
  /** What it does, in the page's language. */
  name: string
  /** Null: another listener does it, and the entry is for the list. */
  run: (() => void) | null
}

/** How long a first key waits for the second one, in ms. */
const patience = 1200
const stored = 'lyceum.shortcuts'

let list: readonly Shortcut[] = []
const listeners = new Set<() => void>()
const changed = () => listeners.forEach(listener => listener())
const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export const shortcutsOn = (): boolean => localStorage.getItem(stored) !== 'off'

export function switchShortcuts(on: boolean): void {
  if (on) localStorage.removeItem(stored)
  else localStorage.setItem(stored, 'off')
  changed()
}

export const useShortcutsOn = (): boolean => useSyncExternalStore(subscribe, shortcutsOn)
export const useShortcuts = (): readonly Shortcut[] => useSyncExternalStore(subscribe, () => list)

/** A shortcut for as long as the component is there. */
export function useShortcut(keys: string, name: string, run: (() => void) | null, enabled = true): void {
  const latest = useRef(run)
  const passive = run === null
  useEffect(() => {
    latest.current = run
  })
  useEffect(() => {
    if (!enabled) return
    const entry: Shortcut = { keys, name, run: passive ? null : () => latest.current?.() }
    list = [...list, entry]
    changed()
    return () => {
      list = list.filter(other => other !== entry)
      changed()
    }
  }, [keys, name, enabled, passive])
}

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** The one listener; the shell starts it. Returns how to stop it. */
export function listenForShortcuts(target: Document = document): () => void {
  let first = ''
  let since = 0
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return
    if (!shortcutsOn() || typing(event.target) || target.querySelector('[role="dialog"]:not([data-toast]), [role="alertdialog"], [role="menu"]')) return
    if (event.timeStamp - since > patience) first = ''
    const pressed = first ? `${first} ${event.key}` : event.key
    const active = list.filter(shortcut => shortcut.run)
    // The one that was added last wins: a page's own before a general one.
    const match = active.findLast(shortcut => shortcut.keys === pressed) ?? active.findLast(shortcut => shortcut.keys === event.key)
    first = ''
    if (match) {
      event.preventDefault()
      match.run!()
    } else if (active.some(shortcut => shortcut.keys.startsWith(`${event.key} `))) {
      first = event.key
      since = event.timeStamp
    }
  }
  target.addEventListener('keydown', onKey)
  return () => target.removeEventListener('keydown', onKey)
}
