import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Loaded } from '@/ui/loaded'
import { Badge } from '@/ui/notice'
import { ProblemNotice } from '@/ui/problem'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateTimeText } from '@/ui/time'
import { say } from '@/ui/toast'
import { toolVersionsQuery } from './queries'

const namesOf = (manifests: unknown): string =>
  Array.isArray(manifests) ? manifests.map((manifest: { name?: string }) => manifest.name ?? '').filter(Boolean).join(', ') : ''

/** Versions of the organisation's tools. An older one can be put in force again. */
export function Tools() {
  const { t } = useTranslation('operate')
  const versions = useQuery(toolVersionsQuery)
  const [asking, setAsking] = useState<string | null>(null)
  const cache = useQueryClient()
  const activate = useMutation({
    mutationFn: (version: string) => data(api.POST('/api/config/tools/{version}/activate', { params: { path: { version } } })),
    onSuccess: (_, version) => {
      setAsking(null)
      void cache.invalidateQueries({ queryKey: toolVersionsQuery.queryKey })
      say(t('operate:tools.activated', { version }))
    },
  })
  return (
    <>
      <Loaded query={versions}>
        {({ versions: list }) => (
          <Table
            caption={t('operate:tools.title')}
            head={
              <>
                <Th>{t('operate:tools.version')}</Th>
                <Th>{t('operate:tools.tools')}</Th>
                <Th>{t('operate:tools.made')}</Th>
                <Th>
                  <span className="sr-only">{t('operate:tools.state')}</span>
                </Th>
              </>
            }
          >
            {list.map(one => (
              <tr key={one.version}>
                <RowHead>{one.version}</RowHead>
                <Td className="min-w-40 text-muted">{namesOf(one.manifests)}</Td>
                <Td className="whitespace-nowrap text-muted">{one.created_at ? dateTimeText(one.created_at) : '–'}</Td>
                <Td end>
                  {one.active ? (
                    <Badge kind="good">{t('operate:tools.active')}</Badge>
                  ) : (
                    <Button aria-label={t('operate:tools.activateNamed', { version: one.version })} onClick={() => setAsking(one.version)}>
                      {t('operate:tools.activate')}
                    </Button>
                  )}
                </Td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
      <Confirm
        open={asking !== null}
        onClose={() => {
          activate.reset()
          setAsking(null)
        }}
        onConfirm={() => asking && activate.mutate(asking)}
        title={t('operate:tools.ask', { version: asking ?? '' })}
        text={t('operate:tools.askText')}
        action={t('operate:tools.activate')}
        busy={activate.isPending}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={activate.error} />
        </div>
      </Confirm>
    </>
  )
}
