import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '@/api/problem'
import { capabilitiesQuery } from '@/api/queries'
import { Button } from '@/ui/button'
import { problemWords } from '@/ui/problem'
import { ConnectModel } from './ConnectModel'
import type { Message } from './model'
import { ReportDialog } from './ReportDialog'
import type { AnswerProps } from './AnswerView'

type EndProps = Pick<AnswerProps, 'conversation' | 'message' | 'isLast' | 'locked' | 'onRegenerate' | 'onContinue'>

/** How an answer ended, where it did not simply end, and what can be done now. */
export function AnswerEnd({ conversation, message, isLast, locked, onRegenerate, onContinue }: EndProps) {
  const { t } = useTranslation('chat')
  const [reporting, setReporting] = useState(false)
  const model = useQuery(capabilitiesQuery).data?.model
  const words = useEndWords(message)
  if (!words) return message.moderation === 'unavailable' ? <p className="mt-3 text-sm text-muted">{t('chat:end.unmoderated')}</p> : null
  const withheld = message.finish_reason === 'moderated' || message.error?.code === 'question_refused'
  const refused = message.error?.code === 'question_refused'
  return (
    <div className="mt-3 border-s-2 border-warn ps-4 text-sm">
      <p>{words}</p>
      {model?.kind === 'none' && !withheld && <ConnectModel />}
      <div className="mt-2 flex flex-wrap gap-2 empty:hidden">
        {isLast && !refused && (
          <>
            {message.content && !withheld && (
              <Button disabled={locked} onClick={onContinue}>
                {t('chat:end.continue')}
              </Button>
            )}
            <Button disabled={locked} onClick={() => onRegenerate(message)}>
              {t('chat:end.again')}
            </Button>
          </>
        )}
        {withheld && <Button onClick={() => setReporting(true)}>{t('chat:end.report')}</Button>}
      </div>
      <ReportDialog open={reporting} onClose={() => setReporting(false)} conversation={conversation} message={message.id} />
    </div>
  )
}

function useEndWords({ status, finish_reason: reason, error }: Message): ReactNode {
  const { t } = useTranslation('chat')
  switch (status) {
    case 'complete':
      return reason === 'length' ? t('chat:end.length') : null
    case 'stopped':
      return t('chat:end.stopped')
    case 'timed_out':
      return reason === 'max_duration' ? t('chat:end.maxDuration') : reason === 'first_token_timeout' ? t('chat:end.firstToken') : t('chat:end.tokenTimeout')
    case 'failed':
      if (error?.code === 'question_refused') return t('chat:end.refused')
      return t('chat:end.failed', { why: error ? problemWords(new Problem(error.status ?? 500, error), t) : '' })
    case 'interrupted':
      switch (reason) {
        case 'moderated':
          return t('chat:end.moderated')
        case 'moderation_unavailable':
          return t('chat:end.moderationUnavailable')
        case 'client_gone':
          return t('chat:end.clientGone')
        case 'not_stored':
          return t('chat:end.notStored')
        default:
          return t('chat:end.interrupted')
      }
    default:
      return reason === 'moderated' ? t('chat:end.moderated') : null
  }
}
