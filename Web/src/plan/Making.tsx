import { Check, Circle, Loader } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '@/app/query'
import { Button, buttonStyle } from '@/ui/button'
import { cx } from '@/ui/class'
import { Notice } from '@/ui/notice'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { percentText } from '@/ui/time'
import { cancelPlan, isOpen, retryPlan, type PlanTask } from './api'

const stages = ['analyse', 'design', 'validate', 'write'] as const

/** How far a plan is, by its stages; what happened if it ended without one. */
export function Making({ task }: { task: PlanTask }) {
  const { t } = useTranslation('plan')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const act = async (call: (id: string) => Promise<unknown>) => {
    setBusy(true)
    setProblem(null)
    try {
      await call(task.task_id)
      await queries.invalidateQueries({ queryKey: ['plan'] })
    } catch (error) {
      setProblem(error)
    } finally {
      setBusy(false)
    }
  }
  const open = isOpen(task)
  const current = stages.indexOf(task.stage as (typeof stages)[number])
  return (
    <div className="flex max-w-read flex-col gap-6">
      {open ? (
        <>
          <p role="status" className="text-muted">
            {task.error_message
              ? t('plan:making.again')
              : task.status === 'queued'
                ? t('plan:making.queued')
                : t(`plan:making.${task.stage}`, { defaultValue: t('plan:making.running') })}
          </p>
          <progress className="bar" value={task.progress} max={100} aria-label={t('plan:making.running')} />
          <ol className="flex flex-col gap-3">
            {stages.map((stage, index) => {
              const done = index < current || task.stage === 'done'
              const now = index === current && !done
              return (
                <li key={stage} className={cx('flex items-center gap-3', !done && !now && 'text-muted')} aria-current={now ? 'step' : undefined}>
                  {done && <Check aria-hidden className="size-5 text-good" />}
                  {now && <Loader aria-hidden className="size-5 animate-spin text-accent" />}
                  {!done && !now && <Circle aria-hidden className="size-5 text-faint" />}
                  <span className={now ? 'font-medium' : undefined}>{t(`plan:stage.${stage}`)}</span>
                  {done && <span className="sr-only">{t('plan:making.done')}</span>}
                  {now && <span className="text-sm text-muted">{percentText(task.progress / 100)}</span>}
                </li>
              )
            })}
          </ol>
          <p className="text-sm text-muted">{t('plan:making.leave')}</p>
          <div>
            <Button busy={busy} onClick={() => void act(cancelPlan)}>
              {t('plan:making.cancel')}
            </Button>
          </div>
        </>
      ) : (
        <>
          <Notice kind={task.status === 'failed' ? 'bad' : 'info'} role="status">
            <p>
              {task.status === 'cancelled'
                ? t('plan:making.cancelled')
                : t(`plan:making.error.${task.error_code}`, { defaultValue: t('plan:making.failed') })}
            </p>
            {task.status === 'failed' && task.error_message && <p className="mt-1 text-muted">{task.error_message}</p>}
          </Notice>
          <div className="flex flex-wrap gap-2">
            <Button kind="primary" busy={busy} onClick={() => void act(retryPlan)}>
              {t('plan:making.retry')}
            </Button>
            <PathLink href={`/plans/new?goal=${encodeURIComponent(task.user_query)}`} className={buttonStyle()}>
              {t('plan:making.change')}
            </PathLink>
          </div>
        </>
      )}
      <ProblemNotice error={problem} />
    </div>
  )
}
