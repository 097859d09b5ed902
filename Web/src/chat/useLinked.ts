import { useLocation } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import type { Message } from './model'

interface LinkedProps {
  conversation: string | null
  messages: readonly Message[]
  hasEarlier: boolean
  loading: boolean
  loadEarlier: () => void
  showBranch: (message: string) => void
}

/** `/c/ID#MESSAGE`: scrolls to the message and marks it, wherever it stands: earlier, or on another branch. */
export function useLinked({ conversation, messages, hasEarlier, loading, loadEarlier, showBranch }: LinkedProps): void {
  const hash = useLocation({ select: location => location.hash })
  const done = useRef<string | null>(null)
  const asked = useRef<string | null>(null)
  useEffect(() => {
    const link = `${conversation}#${hash}`
    if (!hash || messages.length === 0 || done.current === link) return
    if (messages.some(message => message.id === hash)) {
      done.current = link
      reveal(hash)
    } else if (hasEarlier) {
      if (!loading) loadEarlier()
    } else if (asked.current !== link) {
      asked.current = link
      showBranch(hash)
    }
  }, [conversation, hash, messages, hasEarlier, loading, loadEarlier, showBranch])
}

/** A message far from the screen is only a space: it is scrolled to, and again when it is there. */
function reveal(id: string): void {
  let tries = 0
  const step = () => {
    const space = document.querySelector<HTMLElement>(`[data-message="${id}"]`)
    const article = document.getElementById(`m-${id}`)
    ;(article ?? space)?.scrollIntoView({ block: 'start' })
    if (!article && tries++ < 30) return void setTimeout(step, 50)
    article?.focus({ preventScroll: true })
    article?.classList.add('linked')
    // What is above gets its true height a moment later.
    setTimeout(() => article?.scrollIntoView({ block: 'start' }), 150)
  }
  step()
}
