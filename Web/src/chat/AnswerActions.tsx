import { MessageSquare, RefreshCw, ThumbsDown, ThumbsUp } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import type { AnswerProps } from './AnswerView'
import { BranchSwitch } from './BranchSwitch'
import { CopyButton } from './CopyButton'
import { FeedbackDialog } from './FeedbackDialog'
import { useFeedback } from './useFeedback'

export function AnswerActions({ conversation, message, locked, onRegenerate, onShow }: AnswerProps) {
  const { t } = useTranslation('chat')
  const [commenting, setCommenting] = useState(false)
  const rating = message.feedback?.rating ?? null
  const rate = useFeedback(conversation, message.id)
  const mark = (next: 'up' | 'down') => {
    const value = rating === next ? null : next
    rate.mutate({ rating: value, comment: value ? message.feedback?.comment : null })
    if (value === 'down') setCommenting(true)
  }
  return (
    <div className="mt-2 -ms-1.5 flex flex-wrap items-center text-muted">
      <BranchSwitch message={message} onShow={onShow} disabled={locked} />
      {message.content && <CopyButton text={message.content} />}
      <IconButton label={t('chat:answer.again')} disabled={locked} onClick={() => onRegenerate(message)} className="size-8">
        <RefreshCw aria-hidden />
      </IconButton>
      <IconButton label={t('chat:feedback.up')} aria-pressed={rating === 'up'} onClick={() => mark('up')} className="size-8 aria-pressed:text-accent">
        <ThumbsUp aria-hidden className={rating === 'up' ? 'fill-current' : undefined} />
      </IconButton>
      <IconButton label={t('chat:feedback.down')} aria-pressed={rating === 'down'} onClick={() => mark('down')} className="size-8 aria-pressed:text-accent">
        <ThumbsDown aria-hidden className={rating === 'down' ? 'fill-current' : undefined} />
      </IconButton>
      {rating && (
        <IconButton label={t('chat:feedback.comment')} onClick={() => setCommenting(true)} className="size-8">
          <MessageSquare aria-hidden className={message.feedback?.comment ? 'fill-current' : undefined} />
        </IconButton>
      )}
      {commenting && <FeedbackDialog conversation={conversation} message={message} onClose={() => setCommenting(false)} />}
    </div>
  )
}
