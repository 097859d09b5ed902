import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Loading } from '@/ui/loading'
import { Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { dateTimeText, numberText } from '@/ui/time'
import { listStyle } from './Frame'

export function Use() {
  const { t } = useTranslation('settings')
  const usage = useQuery({ queryKey: ['settings', 'usage'], queryFn: () => data(api.GET('/api/usage')).then(answer => answer.budgets) })
  return (
    <Section title={t('settings:use.title')}>
      <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:use.text')}</p>
      {usage.isPending && <Loading />}
      <ProblemNotice error={usage.error} />
      {usage.data?.length === 0 && <p className="text-sm">{t('settings:use.none')}</p>}
      {!!usage.data?.length && (
        <ul className={listStyle}>
          {usage.data.map(budget => (
            <li key={`${budget.budget} ${budget.unit} ${budget.period}`} className="px-4 py-3 text-sm">
              <Budget budget={budget} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

/** The API names a budget's owner in its id, and the period by its beginning: `2026-11-30` is a day, `2026-11` a month. */
function namesOf({ budget, period }: Schema['Usage']) {
  const owner = /^set:person:|^person:/.test(budget) ? 'mine' : budget.includes('tenant') ? 'school' : 'other'
  const span = period === 'total' ? 'total' : period.length === 7 ? 'month' : period.length === 10 ? 'day' : 'hour'
  return { owner, span } as const
}

function Budget({ budget }: { budget: Schema['Usage'] }) {
  const { t } = useTranslation('settings')
  const { owner, span } = namesOf(budget)
  const limit = budget.limit ?? null
  return (
    <>
      <div className="flex flex-wrap justify-between gap-x-4">
        <p className="font-medium">
          {t(`settings:use.owner.${owner}`)}, {t(`settings:use.span.${span}`)}
        </p>
        <p className="text-muted">
          {limit === null
            ? t('settings:use.used', { used: numberText(budget.used), unit: t(`settings:use.unit.${budget.unit}`) })
            : t('settings:use.of', { used: numberText(budget.used), limit: numberText(limit), unit: t(`settings:use.unit.${budget.unit}`) })}
        </p>
      </div>
      {limit !== null && (
        <div aria-hidden className="my-2 h-2 overflow-hidden rounded-full bg-hover">
          <div className="h-full rounded-full bg-accent" style={{ width: `${limit ? Math.min(100, (budget.used / limit) * 100) : 100}%` }} />
        </div>
      )}
      {budget.resets_at && <p className="text-muted">{t('settings:use.resets', { at: dateTimeText(budget.resets_at) })}</p>}
    </>
  )
}
