import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Waiting } from './AnswerState'
import type { Pending } from './pending'
import { QuestionText } from './QuestionView'

/** A question on its way to the server. */
export function PendingView({ pending, onCancel }: { pending: Pending; onCancel: () => void }) {
  const { t } = useTranslation('chat')
  if (pending.state === 'refused') return null
  return (
    <div className="flex flex-col gap-4 pb-7">
      {pending.text !== null && (
        <div className="flex justify-end">
          <QuestionText text={pending.text} />
        </div>
      )}
      {pending.state === 'sending' ? (
        <Waiting>{t('chat:answer.waiting')}</Waiting>
      ) : (
        <div className="flex flex-wrap items-center gap-3">
          <p className="text-sm text-warn">{pending.problem?.status ? t('chat:pending.busy') : t('chat:pending.offline')}</p>
          <Button kind="quiet" onClick={onCancel}>
            {t('chat:pending.cancel')}
          </Button>
        </div>
      )}
    </div>
  )
}
