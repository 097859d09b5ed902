import { useTranslation } from 'react-i18next'
import type { Schema } from '@/api/types'
import { dateTimeText } from '@/ui/time'

/** The latest answers that a concept's mastery comes from. */
export function Evidence({ items }: { items: Schema['Evidence'][] }) {
  const { t } = useTranslation('plan')
  if (items.length === 0) return null
  return (
    <ul className="mt-2 divide-y divide-line text-sm">
      {items.map(one => (
        <li key={one.attempt_id} className="flex flex-wrap justify-between gap-x-4 py-1.5">
          <span>{t(`plan:evidence.${one.outcome}`, { defaultValue: t('plan:evidence.ungraded') })}</span>
          <span className="text-muted">
            {dateTimeText(one.at)}
            {!one.counted && ` · ${t('plan:evidence.uncounted')}`}
          </span>
        </li>
      ))}
    </ul>
  )
}
