import { useNavigate } from '@tanstack/react-router'
import { useEffect, useEffectEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useShortcut } from '@/app/shortcuts'

const focus = (selector: string) => document.querySelector<HTMLElement>(selector)?.focus()

/** The chat's keys, and their entries in the list of all keys. */
export function useChatKeys(toEnd: () => void): void {
  const { t } = useTranslation('chat')
  const navigate = useNavigate()
  useShortcut('/', t('chat:keys.compose'), () => focus('[data-composer]'))
  useShortcut('Enter', t('chat:keys.send'), null)
  useShortcut('Shift+Enter', t('chat:keys.newline'), null)
  useShortcut('Esc', t('chat:keys.stop'), null)
  useShortcut('Alt+N', t('chat:keys.newChat'), null)
  useShortcut('Alt+K', t('chat:keys.search'), null)
  useShortcut('Alt+↓', t('chat:keys.newest'), null)
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented || event.isComposing) return
    if (document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return
    const act = (action: () => void) => {
      event.preventDefault()
      action()
    }
    // By place on the keyboard: with Alt, a Mac types other letters.
    if (event.code === 'KeyN') act(() => void navigate({ to: '/c', search: {} }).then(() => focus('[data-composer]')))
    else if (event.code === 'KeyK') act(() => focus('[data-chat-search]'))
    else if (event.code === 'ArrowDown') act(toEnd)
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => pressed(event)
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [])
}
