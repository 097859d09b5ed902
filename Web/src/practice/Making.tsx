import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '@/app/query'
import { Button, buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Notice } from '@/ui/notice'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { cancelTask, retryTask, taskQuery, type Task } from './api'

/** A set that is being made: how far it is, and at the end `onReady`. */
export function Making({ id, onReady }: { id: string; onReady: () => void }) {
  const task = useQuery(taskQuery(id))
  const status = task.data?.status
  useEffect(() => {
    if (status === 'completed') onReady()
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when it is ready
  }, [status])
  if (task.error && !task.data) return <ProblemNotice error={task.error} />
  if (!task.data || status === 'completed') return <Loading />
  return <TaskState task={task.data} />
}

/** The state of a task in words, with what can be done about it. */
export function TaskState({ task }: { task: Task }) {
  const { t } = useTranslation('practice')
  const [problem, setProblem] = useState<unknown>(null)
  const act = (call: (id: string) => Promise<unknown>) => {
    setProblem(null)
    call(task.task_id).then(
      () => queries.invalidateQueries({ queryKey: ['practice'] }),
      error => setProblem(error),
    )
  }
  const open = task.status === 'queued' || task.status === 'running'
  return (
    <div className="flex flex-col gap-3">
      {open ? (
        <div className="rounded-card border border-line bg-raised px-4 py-3">
          <div className="flex flex-wrap items-center justify-between gap-3">
            <p role="status" className="text-sm">
              {t(`practice:making.${task.status === 'queued' ? 'queued' : task.stage}`, { defaultValue: t('practice:making.running') })}
            </p>
            <Button kind="quiet" onClick={() => act(cancelTask)}>
              {t('practice:making.cancel')}
            </Button>
          </div>
          <progress className="bar mt-2" value={task.progress} max={100} aria-label={t('practice:making.running')} />
        </div>
      ) : (
        <Notice kind={task.status === 'failed' ? 'bad' : 'info'} role="status" className="flex flex-wrap items-center justify-between gap-3">
          <span>
            {task.status === 'cancelled'
              ? t('practice:making.cancelled')
              : t(`practice:making.error.${task.error_code}`, { defaultValue: task.error_message || t('practice:making.failed') })}
          </span>
          <span className="flex gap-2">
            <Button onClick={() => act(retryTask)}>{t('practice:making.retry')}</Button>
            <PathLink href="/practice?make=1" className={buttonStyle('quiet')}>
              {t('practice:making.other')}
            </PathLink>
          </span>
        </Notice>
      )}
      <ProblemNotice error={problem} />
    </div>
  )
}
