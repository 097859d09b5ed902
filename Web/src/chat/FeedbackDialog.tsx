import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextArea } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'
import type { Message } from './model'
import { useFeedback, type Rating } from './useFeedback'

/** Why an answer was good or bad. */
export function FeedbackDialog({ conversation, message, onClose }: { conversation: string; message: Message; onClose: () => void }) {
  const { t } = useTranslation('chat')
  const [comment, setComment] = useState(message.feedback?.comment ?? '')
  const rate = useFeedback(conversation, message.id)
  return (
    <Dialog open onClose={onClose} title={message.feedback?.rating === 'up' ? t('chat:feedback.whyUp') : t('chat:feedback.whyDown')} description={t('chat:feedback.who')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          rate.mutate({ rating: (message.feedback?.rating ?? 'down') as Rating['rating'], comment }, { onSuccess: onClose })
        }}
      >
        <TextArea label={t('chat:feedback.comment')} bare value={comment} maxLength={2000} onChange={event => setComment(event.target.value)} />
        <ProblemNotice error={rate.error} />
        <Button type="submit" kind="primary" busy={rate.isPending} className="self-end">
          {t('chat:feedback.send')}
        </Button>
      </form>
    </Dialog>
  )
}
