import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Button, buttonStyle } from '@/ui/button'
import { PathLink } from '@/ui/pathlink'
import type { Round } from './round'

/** The end of a round: what was right, and what will come again. */
export function Summary({ round, notes, more, onMore }: { round: Round; notes?: string[]; more: number; onMore: () => void }) {
  const { t } = useTranslation('practice')
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  const first = round.results.filter(result => !result.again)
  const count = (outcome: string) => first.filter(result => result.outcome === outcome).length
  const wrong = first.filter(result => result.outcome === 'wrong' || result.outcome === 'partial')
  const lines = (['correct', 'partial', 'wrong', 'kept'] as const).map(outcome => [outcome, count(outcome)] as const).filter(([, number]) => number > 0)
  return (
    <div className="flex flex-col gap-6">
      <div>
        <h2 ref={heading} tabIndex={-1} className="outline-none">
          {t('practice:summary.title')}
        </h2>
        <p className="text-muted">{t('practice:summary.text', { count: first.length })}</p>
      </div>
      {lines.length > 0 && (
        <dl className="flex flex-wrap gap-x-10 gap-y-3">
          {lines.map(([outcome, number]) => (
            <div key={outcome} className="flex flex-col-reverse">
              <dt className="text-sm text-muted">{t(`practice:summary.${outcome}`)}</dt>
              <dd className="text-2xl font-semibold">{number}</dd>
            </div>
          ))}
        </dl>
      )}
      {wrong.length > 0 && (
        <section>
          <h3 className="mb-2">{t('practice:summary.again')}</h3>
          <ul className="list-disc ps-5 text-sm">
            {wrong.map(result => (
              <li key={result.item.id}>{result.item.question}</li>
            ))}
          </ul>
        </section>
      )}
      {notes && notes.length > 0 && (
        <ul className="text-sm text-muted">
          {notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap gap-2">
        {more > 0 && (
          <Button kind="primary" onClick={onMore}>
            {t('practice:summary.more', { count: more })}
          </Button>
        )}
        <PathLink href="/practice" className={buttonStyle(more > 0 ? 'secondary' : 'primary')}>
          {t('practice:round.back')}
        </PathLink>
      </div>
    </div>
  )
}
