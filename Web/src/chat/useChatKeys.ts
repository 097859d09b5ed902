import { useNavigate } from '@tanstack/react-router'
import { useEffect, useEffectEvent } from 'react'

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))

/** The keys of shortcuts.ts that hold on the whole page. */
export function useChatKeys(toEnd: () => void): void {
  const navigate = useNavigate()
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector('[role="dialog"],[role="alertdialog"]')) return
    const act = (action: () => void) => {
      event.preventDefault()
      action()
    }
    if (event.altKey && !event.ctrlKey && !event.metaKey) {
      // By place on the keyboard: with Alt, a Mac types other letters.
      if (event.code === 'KeyN') act(() => void navigate({ to: '/c', search: {} }))
      else if (event.code === 'KeyK') act(() => document.querySelector<HTMLElement>('[data-chat-search]')?.focus())
      else if (event.code === 'ArrowDown') act(toEnd)
    } else if (event.key === '/' && !event.ctrlKey && !event.metaKey && !typing(event.target))
      act(() => document.querySelector<HTMLElement>('[data-composer]')?.focus())
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => pressed(event)
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [])
}
