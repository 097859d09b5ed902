import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import type { Schema } from '@/api/types'
import { Loaded } from '@/ui/loaded'
import { Meter } from '@/ui/meter'
import { Badge, Notice } from '@/ui/notice'
import { bytesText } from '@/ui/number'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { numberText, relativeTime } from '@/ui/time'
import { engineLogQuery, engineQuery, modelsQuery } from './queries'

/** The model, the server that runs it, and the GPUs. */
export function Engines() {
  const { t } = useTranslation('operate')
  const engine = useQuery(engineQuery)
  const models = useQuery(modelsQuery).data?.data ?? []
  const can = useQuery(capabilitiesQuery).data
  const abilities = can
    ? ([
        ['vision', can.vision],
        ['asr', can.asr],
        ['tts', can.tts],
        ['embeddings', can.embeddings],
        ['moderation', can.moderation],
      ] as const)
    : []
  return (
    <div className="flex flex-col gap-4">
      {can?.model.kind === 'primer' && <Notice kind="warn">{t('operate:engines.primer')}</Notice>}
      <dl className="grid gap-x-6 gap-y-1 text-sm sm:grid-cols-[auto_1fr]">
        <dt className="text-muted">{t('operate:engines.models')}</dt>
        <dd className="font-medium">{models.map(model => model.id).join(', ') || '–'}</dd>
        <dt className="text-muted">{t('operate:engines.can')}</dt>
        <dd>{abilities.filter(([, on]) => on).map(([name]) => t(`operate:engines.ability.${name}`)).join(', ') || '–'}</dd>
        <dt className="text-muted">{t('operate:engines.cannot')}</dt>
        <dd>{abilities.filter(([, on]) => !on).map(([name]) => t(`operate:engines.ability.${name}`)).join(', ') || '–'}</dd>
      </dl>
      <Loaded query={engine}>
        {({ gpus, model_server: server }) => (
          <>
            {server && <ModelServer server={server} />}
            {gpus.length > 0 ? <Gpus gpus={gpus} /> : <p className="text-sm text-muted">{t('operate:engines.noGpus')}</p>}
          </>
        )}
      </Loaded>
    </div>
  )
}

function Gpus({ gpus }: { gpus: readonly Schema['GpuReading'][] }) {
  const { t } = useTranslation('operate')
  return (
    <Table
      caption={t('operate:engines.gpus')}
      head={
        <>
          <Th>{t('operate:engines.gpu')}</Th>
          <Th>{t('operate:engines.busy')}</Th>
          <Th>{t('operate:engines.memory')}</Th>
          <Th end>{t('operate:engines.temperature')}</Th>
          <Th end>{t('operate:engines.power')}</Th>
        </>
      }
    >
      {gpus.map(gpu => (
        <tr key={gpu.uuid}>
          <RowHead>
            {gpu.name ?? gpu.uuid}
            {gpu.fault && <span className="block text-sm font-normal text-bad">{gpu.fault}</span>}
          </RowHead>
          <Td>
            <Meter value={gpu.utilization} />
          </Td>
          <Td>
            {gpu.memory_used != null && gpu.memory_total ? (
              <>
                <Meter value={gpu.memory_used / gpu.memory_total} />
                <span className="block text-muted">{t('operate:load.of', { used: bytesText(gpu.memory_used), max: bytesText(gpu.memory_total) })}</span>
              </>
            ) : (
              '–'
            )}
          </Td>
          <Td end>{gpu.temperature == null ? '–' : t('operate:engines.degrees', { number: numberText(gpu.temperature) })}</Td>
          <Td end>{gpu.power == null ? '–' : t('operate:engines.watts', { number: numberText(Math.round(gpu.power)) })}</Td>
        </tr>
      ))}
    </Table>
  )
}

function ModelServer({ server }: { server: Schema['ModelServerDocument'] }) {
  const { t } = useTranslation('operate')
  const log = useQuery(engineLogQuery).data
  return (
    <div>
      <p className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{t('operate:engines.server')}</span>
        <Badge kind={server.state === 'ready' ? 'good' : server.state === 'loading' ? 'info' : 'warn'}>{t(`operate:engines.phase.${server.state}`)}</Badge>
        <span className="text-sm text-muted">{[relativeTime(server.since), t('operate:engines.restarts', { count: server.restarts })].join(' · ')}</span>
      </p>
      {server.trouble && <p className="mt-1 text-sm text-bad">{server.trouble}</p>}
      {log && log.lines.length > 0 && (
        <details className="mt-2">
          <summary className="w-fit text-sm text-accent">{t('operate:engines.log')}</summary>
          {/* A region that scrolls must be reachable by keyboard. */}
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
          <pre tabIndex={0} role="region" aria-label={t('operate:engines.log')} className="mt-2 max-h-80 overflow-auto rounded-control bg-sunk p-3 font-mono text-xs whitespace-pre-wrap">
            {log.lines.map(line => line.text).join('\n')}
          </pre>
        </details>
      )}
    </div>
  )
}
