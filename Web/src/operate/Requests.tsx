import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Loaded } from '@/ui/loaded'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { numberText } from '@/ui/time'
import { refusalsOf, routesOf } from './metrics'
import { metricsQuery } from './queries'

const first = 10

/** Requests by route since the gateway's start. */
export function Routes() {
  const { t } = useTranslation('operate')
  const metrics = useQuery(metricsQuery)
  const [all, setAll] = useState(false)
  return (
    <Loaded query={metrics}>
      {({ samples }) => {
        const routes = routesOf(samples)
        return (
          <>
            <Table
              caption={t('operate:requests.title')}
              head={
                <>
                  <Th>{t('operate:requests.route')}</Th>
                  <Th end>{t('operate:requests.count')}</Th>
                  <Th end>{t('operate:requests.mean')}</Th>
                  <Th end>{t('operate:requests.refused')}</Th>
                  <Th end>{t('operate:requests.failed')}</Th>
                </>
              }
            >
              {routes.slice(0, all ? routes.length : first).map(route => (
                <tr key={route.route}>
                  <RowHead className="min-w-56 wrap-anywhere font-mono text-[0.8125rem] font-normal">{route.route}</RowHead>
                  <Td end>{numberText(route.requests)}</Td>
                  <Td end>{t('operate:milliseconds', { number: numberText(Math.round(route.mean * 1000)) })}</Td>
                  <Td end>{numberText(route.refused)}</Td>
                  <Td end className={route.failed ? 'font-semibold text-bad' : undefined}>
                    {numberText(route.failed)}
                  </Td>
                </tr>
              ))}
            </Table>
            {routes.length > first && (
              <Button kind="quiet" className="mt-2 -ms-4" onClick={() => setAll(!all)}>
                {all ? t('operate:requests.fewer') : t('operate:requests.all', { count: routes.length })}
              </Button>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

/** What was refused, and why, since the gateway's start. */
export function Refusals() {
  const { t } = useTranslation('operate')
  const metrics = useQuery(metricsQuery)
  return (
    <Loaded query={metrics}>
      {({ samples }) => {
        const refusals = refusalsOf(samples)
        return refusals.length === 0 ? (
          <p className="text-muted">{t('operate:refusals.none')}</p>
        ) : (
          <Table
            caption={t('operate:refusals.title')}
            head={
              <>
                <Th>{t('operate:refusals.cause')}</Th>
                <Th end>{t('operate:refusals.count')}</Th>
              </>
            }
          >
            {refusals.map(({ cause, count }) => (
              <tr key={cause}>
                <RowHead className="font-normal">{t(`operate:refusals.of.${cause}`, { defaultValue: cause })}</RowHead>
                <Td end>{numberText(count)}</Td>
              </tr>
            ))}
          </Table>
        )
      }}
    </Loaded>
  )
}
