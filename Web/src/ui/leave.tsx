import { useBlocker } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Confirm } from './dialog'

/** Asks before a page with unsaved words is left; the browser asks before its tab is closed. */
export function LeaveGuard({ when, title, text }: { when: boolean; title?: string; text?: string }) {
  const { t } = useTranslation()
  const blocker = useBlocker({ shouldBlockFn: ({ current, next }) => when && current.pathname !== next.pathname, enableBeforeUnload: when, withResolver: true })
  return (
    <Confirm
      open={blocker.status === 'blocked'}
      onClose={() => blocker.reset?.()}
      onConfirm={() => blocker.proceed?.()}
      title={title ?? t('app:leave.title')}
      text={text ?? t('app:leave.text')}
      action={t('app:leave.action')}
      danger
    />
  )
}
