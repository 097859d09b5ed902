import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Badge } from '@/ui/notice'
import { PathLink } from '@/ui/pathlink'
import { dateText, percentText } from '@/ui/time'
import { isOpen, progressQuery, type PlanTask } from './api'

const row = 'flex min-h-16 flex-wrap items-center gap-x-6 gap-y-2 px-4 py-3 hover:bg-hover focus-visible:-outline-offset-2'

export function PlanRow({ task }: { task: PlanTask }) {
  const { t } = useTranslation('plan')
  const progress = useQuery({ ...progressQuery(task.task_id), enabled: task.status === 'completed' })
  return (
    <li>
      <PathLink href={`/plans/${task.task_id}`} className={row}>
        <span className="min-w-0 flex-1 basis-56">
          <span className="line-clamp-2 font-medium">{progress.data?.title ?? task.user_query}</span>
          <span className="text-sm text-muted">{dateText(task.created_at)}</span>
        </span>
        {task.status === 'completed' ? (
          progress.data && <Mastery value={progress.data.mastery} />
        ) : isOpen(task) ? (
          <Badge>{t('plan:making.percent', { percent: percentText(task.progress / 100) })}</Badge>
        ) : (
          <Badge kind={task.status === 'failed' ? 'bad' : 'plain'}>{t(`plan:status.${task.status}`)}</Badge>
        )}
      </PathLink>
    </li>
  )
}

export function ClassPlanRow({ id, className }: { id: string; className: string }) {
  const { t } = useTranslation('plan')
  const progress = useQuery(progressQuery(id))
  // Unshared meanwhile: it is not there.
  if (progress.error && !progress.data) return null
  return (
    <li>
      <PathLink href={`/plans/${id}`} className={row}>
        <span className="min-w-0 flex-1 basis-56">
          <span className="line-clamp-2 font-medium">{progress.data?.title ?? '…'}</span>
          <span className="text-sm text-muted">{t('plan:fromClass', { name: className })}</span>
        </span>
        {progress.data && <Mastery value={progress.data.mastery} />}
      </PathLink>
    </li>
  )
}

function Mastery({ value }: { value: number }) {
  const { t } = useTranslation('plan')
  return (
    <span className="flex w-36 flex-col gap-1 text-sm text-muted">
      {t('plan:mastered', { percent: percentText(value) })}
      <progress className="bar" value={value} max={1} aria-hidden />
    </span>
  )
}
