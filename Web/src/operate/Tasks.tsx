import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Loaded } from '@/ui/loaded'
import { Meter } from '@/ui/meter'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { relativeTime } from '@/ui/time'
import { tasksQuery } from './queries'

/** Tasks of the operator's own that are not done. Those of others are theirs: how many run, the worker's metrics say. */
export function Tasks() {
  const { t } = useTranslation('operate')
  const tasks = useQuery(tasksQuery)
  return (
    <>
      <Loaded query={tasks}>
        {list =>
          list.length === 0 ? (
            <p className="text-muted">{t('operate:tasks.none')}</p>
          ) : (
            <Table
              caption={t('operate:tasks.title')}
              head={
                <>
                  <Th>{t('operate:tasks.task')}</Th>
                  <Th>{t('operate:tasks.kind')}</Th>
                  <Th>{t('operate:tasks.stage')}</Th>
                  <Th>{t('operate:tasks.progress')}</Th>
                  <Th>{t('operate:tasks.since')}</Th>
                </>
              }
            >
              {list.map(task => (
                <tr key={task.task_id}>
                  <RowHead className="min-w-40 wrap-anywhere font-mono text-xs font-normal">{task.task_id}</RowHead>
                  <Td>{t(`operate:tasks.kinds.${task.kind}`)}</Td>
                  <Td className="text-muted">{[task.status, task.stage].join(' · ')}</Td>
                  <Td>
                    <Meter value={task.progress / 100} />
                  </Td>
                  <Td className="whitespace-nowrap text-muted">{relativeTime(task.created_at)}</Td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
      <p className="mt-3 max-w-read text-sm text-muted">{t('operate:tasks.text')}</p>
    </>
  )
}
