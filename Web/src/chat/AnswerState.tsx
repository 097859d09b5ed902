import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Answer } from '@/stream/answer'

/** What an answer that is being written does where no text comes. */
export function AnswerState({ answer }: { answer: Pick<Answer, 'phase' | 'text'> }) {
  const { t } = useTranslation('chat')
  const { phase } = answer
  if (phase === 'reconnecting') return <p className="mt-2 text-sm text-warn">{t('chat:answer.reconnecting')}</p>
  if (phase === 'waiting') return <Waiting>{t('chat:answer.waiting')}</Waiting>
  if (phase === 'thinking') return <Thinking />
  return null
}

export function Waiting({ children }: { children: React.ReactNode }) {
  return (
    <p className="flex items-center gap-2.5 py-1 text-sm text-muted">
      <span aria-hidden className="size-2 animate-pulse rounded-full bg-accent" />
      {children}
    </p>
  )
}

function Thinking() {
  const { t } = useTranslation('chat')
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    const begun = Date.now()
    const timer = setInterval(() => setSeconds(Math.round((Date.now() - begun) / 1000)), 1000)
    return () => clearInterval(timer)
  }, [])
  return <Waiting>{t('chat:answer.thinking', { seconds })}</Waiting>
}
