import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Loaded } from '@/ui/loaded'
import { bytesText, percentText } from '@/ui/number'
import { numberText } from '@/ui/time'
import { Sparkline } from './Sparkline'
import { useLoad } from './useLoad'

/** What the gateway has to do at this moment. */
export function LoadNow() {
  const { t } = useTranslation('operate')
  const { query, last, points } = useLoad()
  const now = points.at(-1)
  return (
    <Loaded query={query}>
      {() =>
        last && (
          <>
            <dl className="grid grid-cols-2 gap-x-6 gap-y-4 rounded-card border border-line bg-raised p-5 sm:grid-cols-3 lg:grid-cols-5">
              <Figure label={t('operate:load.requests')}>{now ? t('operate:load.perSecond', { number: numberText(Math.round(now.requests * 10) / 10) }) : '…'}</Figure>
              <Figure label={t('operate:load.open')}>{numberText(last.open)}</Figure>
              <Figure label={t('operate:load.cpu')}>{now ? percentText(now.cpu) : '…'}</Figure>
              <Figure label={t('operate:load.memory')}>{bytesText(last.memory)}</Figure>
              <Figure label={t('operate:load.connections')}>{t('operate:load.of', { used: numberText(last.connections.used), max: numberText(last.connections.max) })}</Figure>
            </dl>
            {points.length > 1 && <Sparkline label={t('operate:load.chart')} values={points.map(point => point.requests)} />}
            <p className="mt-2 text-sm text-muted">{t('operate:load.text')}</p>
          </>
        )
      }
    </Loaded>
  )
}

function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-sm text-muted">{label}</dt>
      <dd className="text-lg font-semibold tabular-nums">{children}</dd>
    </div>
  )
}
