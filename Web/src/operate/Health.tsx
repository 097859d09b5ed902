import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Loaded } from '@/ui/loaded'
import { Badge, Notice } from '@/ui/notice'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateTimeText, numberText } from '@/ui/time'
import { healthQuery, versionQuery } from './queries'

const kinds: Record<string, 'good' | 'warn' | 'bad'> = { ok: 'good', degraded: 'warn' }

/** The services and what they need, as the gateway sees them. */
export function Health() {
  const { t } = useTranslation('operate')
  const health = useQuery(healthQuery)
  const version = useQuery(versionQuery).data
  return (
    <Loaded query={health}>
      {found => {
        const ill = Object.entries(found.checks).filter(([, check]) => check.status !== 'ok')
        return (
          <>
            <Notice kind={health.isError ? 'bad' : (kinds[found.status] ?? 'bad')} role="status" className="mb-4">
              {health.isError
                ? t('operate:health.away')
                : ill.length === 0
                  ? t('operate:health.ok')
                  : t('operate:health.ill', { names: ill.map(([name]) => t(`operate:health.check.${name}`, { defaultValue: name })).join(', ') })}
            </Notice>
            <Table
              caption={t('operate:health.title')}
              head={
                <>
                  <Th>{t('operate:health.part')}</Th>
                  <Th>{t('operate:health.state')}</Th>
                  <Th>{t('operate:health.detail')}</Th>
                  <Th end>{t('operate:health.took')}</Th>
                </>
              }
            >
              {Object.entries(found.checks).map(([name, check]) => (
                <tr key={name}>
                  <RowHead>{t(`operate:health.check.${name}`, { defaultValue: name })}</RowHead>
                  <Td>
                    <Badge kind={kinds[check.status] ?? 'bad'}>{t(`operate:health.status.${check.status}`, { defaultValue: check.status })}</Badge>
                  </Td>
                  <Td className="text-muted">{check.detail}</Td>
                  <Td end className="text-muted">
                    {t('operate:milliseconds', { number: numberText(Math.round(check.duration_ms * 10) / 10) })}
                  </Td>
                </tr>
              ))}
            </Table>
            {version && (
              <p className="mt-3 text-sm text-muted">
                {t('operate:health.version', { version: version.version, commit: version.git_sha.slice(0, 8), date: version.build_time ? dateTimeText(version.build_time) : '' })}
              </p>
            )}
          </>
        )
      }}
    </Loaded>
  )
}
