import { useEffect, useRef, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import type { ConnectionState } from '@/stream/protocol'
import type { Message } from './model'

let words = ''
const views = new Set<() => void>()
const subscribe = (view: () => void) => {
  views.add(view)
  return () => views.delete(view)
}
function announce(next: string): void {
  words = next
  views.forEach(view => view())
}

/** The one sentence that screen readers hear: that an answer has ended, and how; that the connection is broken, and back. Never tokens. */
export function useAnnouncements(messages: readonly Message[], connection: ConnectionState): string {
  const { t } = useTranslation('chat')
  const running = useRef<string | null>(null)
  const last = messages.at(-1)
  useEffect(() => {
    if (!last || last.role !== 'assistant') return
    if (last.status === 'streaming') {
      running.current = last.id
      announce('')
    } else if (running.current === last.id) {
      running.current = null
      announce(last.status === 'complete' ? t('chat:said.finished') : last.status === 'stopped' ? t('chat:said.stopped') : t('chat:said.brokeOff'))
    }
  }, [last, t])
  const was = useRef(connection)
  useEffect(() => {
    if (connection === 'broken') announce(t('chat:answer.reconnecting'))
    else if (connection === 'open' && was.current === 'broken') announce(t('chat:said.back'))
    was.current = connection
  }, [connection, t])
  return useSyncExternalStore(subscribe, () => words)
}
