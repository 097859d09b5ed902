import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Notice } from '@/ui/notice'
import { sendWaiting, useOutbox } from './outbox'

/** Says what waits on this device to be sent, and what became of it. */
export function OutboxNotice() {
  const { t } = useTranslation('practice')
  const { waiting, sent, refused } = useOutbox()
  if (waiting.length > 0)
    return (
      <Notice kind="warn" role="status" className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <span>{t('practice:outbox.waiting', { count: waiting.length })}</span>
        <Button onClick={() => void sendWaiting()}>{t('practice:outbox.now')}</Button>
      </Notice>
    )
  if (refused > 0)
    return (
      <Notice kind="warn" role="status" className="mb-4">
        {t('practice:outbox.refused', { count: refused })}
      </Notice>
    )
  if (sent > 0)
    return (
      <Notice kind="good" role="status" className="mb-4">
        {t('practice:outbox.sent', { count: sent })}
      </Notice>
    )
  return null
}
