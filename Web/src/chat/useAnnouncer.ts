import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ConnectionState } from '@/stream/protocol'
import type { Message } from './model'

/** The one sentence that screen readers hear: that an answer has ended, and how; that the connection is broken, and back. Never tokens. */
export function useAnnouncer(messages: readonly Message[], connection: ConnectionState): string {
  const { t } = useTranslation('chat')
  const [words, setWords] = useState('')
  const running = useRef<string | null>(null)
  const last = messages.at(-1)
  useEffect(() => {
    if (!last || last.role !== 'assistant') return
    if (last.status === 'streaming') {
      running.current = last.id
      setWords('')
    } else if (running.current === last.id) {
      running.current = null
      setWords(last.status === 'complete' ? t('chat:said.finished') : last.status === 'stopped' ? t('chat:said.stopped') : t('chat:said.brokeOff'))
    }
  }, [last, t])
  const was = useRef(connection)
  useEffect(() => {
    if (connection === 'broken') setWords(t('chat:answer.reconnecting'))
    else if (connection === 'open' && was.current === 'broken') setWords(t('chat:said.back'))
    was.current = connection
  }, [connection, t])
  return words
}
