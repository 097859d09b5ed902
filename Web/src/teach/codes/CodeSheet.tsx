import { Download, Printer } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Schema } from '@/api/types'
import { Button } from '@/ui/button'
import { LeaveGuard } from '@/ui/leave'
import { Notice } from '@/ui/notice'
import { saveFile } from '@/ui/save'
import { dateText } from '@/ui/time'
import { csvOf } from './csv'

type Code = Schema['ResetView']

/** One-time codes, a slip for each person, to print and cut. They are shown here and never again. */
export function CodeSheet({ codes, heading, onDone }: { codes: readonly Code[]; heading: string; onDone: () => void }) {
  const { t } = useTranslation('codes')
  const address = location.host
  const save = () =>
    saveFile(
      `${heading}.csv`,
      'text/csv',
      csvOf([[t('codes:name'), t('codes:username'), t('codes:code')], ...codes.map(({ name, username, code }) => [name, username, code])]),
    )
  return (
    <>
      <LeaveGuard when title={t('codes:leave.title')} text={t('codes:leave.text')} />
      <div className="print-hidden mb-6 flex flex-col gap-4">
        <Notice kind="warn" role="status">
          {t('codes:once', { count: codes.length })}
        </Notice>
        <div className="flex flex-wrap gap-2">
          <Button kind="primary" onClick={() => window.print()}>
            <Printer aria-hidden className="size-4" />
            {t('codes:print')}
          </Button>
          <Button onClick={save}>
            <Download aria-hidden className="size-4" />
            {t('codes:save')}
          </Button>
          <Button kind="quiet" onClick={onDone}>
            {t('codes:done')}
          </Button>
        </div>
      </div>
      <ul className="grid gap-3 sm:grid-cols-2 print:grid-cols-2">
        {codes.map(({ name, username, code, expires_at }) => (
          <li key={username} className="break-inside-avoid rounded-card border border-dashed border-edge p-4">
            <p className="font-semibold">{name || username}</p>
            <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
              <dt className="text-muted">{t('codes:username')}</dt>
              <dd className="font-mono">{username}</dd>
              <dt className="text-muted">{t('codes:code')}</dt>
              <dd className="font-mono text-base font-semibold">{code}</dd>
            </dl>
            <p className="mt-2 text-sm text-muted">{t('codes:how', { address: `${address}/first-password`, date: dateText(expires_at) })}</p>
          </li>
        ))}
      </ul>
    </>
  )
}
