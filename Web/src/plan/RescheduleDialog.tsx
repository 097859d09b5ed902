import { useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schema } from '@/api/types'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Notice } from '@/ui/notice'
import { ProblemNotice } from '@/ui/problem'
import { numberText } from '@/ui/time'
import { progressQuery, reschedule, type Plan, type Progress } from './api'

/** Plans what is left in weeks from today on. */
export function RescheduleDialog({ open, plan, progress, onClose }: { open: boolean; plan: Plan; progress: Progress; onClose: () => void }) {
  const { t } = useTranslation('plan')
  return (
    <Dialog open={open} onClose={onClose} title={t('plan:reschedule.title')} description={t('plan:reschedule.text')}>
      <Form plan={plan} progress={progress} onClose={onClose} />
    </Dialog>
  )
}

function Form({ plan, progress, onClose }: { plan: Plan; progress: Progress; onClose: () => void }) {
  const { t } = useTranslation('plan')
  const client = useQueryClient()
  const [hours, setHours] = useState(String(plan.weekly_commitment_hours))
  const [busy, setBusy] = useState(false)
  const [wrong, setWrong] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const [done, setDone] = useState<Schema['Rescheduled'] | null>(null)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const number = Number(hours)
    const fault = !(number >= 0.5 && number <= 80)
    setWrong(fault)
    if (fault) return
    setBusy(true)
    setProblem(null)
    try {
      setDone(await reschedule(plan.task_id, number))
      void client.invalidateQueries({ queryKey: progressQuery(plan.task_id).queryKey })
      void client.invalidateQueries({ queryKey: ['today', 'progress', plan.task_id] })
    } catch (error) {
      setProblem(error)
    } finally {
      setBusy(false)
    }
  }
  if (done) {
    const titles = new Map(progress.concepts.map(one => [one.concept_id, one.title]))
    return (
      <div className="flex flex-col gap-4">
        <p role="status">
          {done.weeks.length > 0
            ? t('plan:reschedule.done', { count: done.weeks.length, hours: numberText(done.remaining_hours) })
            : t('plan:reschedule.nothing')}
        </p>
        {done.late.length > 0 && (
          <Notice kind="warn">
            <p>{t('plan:reschedule.late')}</p>
            <ul className="list-disc ps-5">
              {done.late.map(id => (
                <li key={id}>{titles.get(id) ?? id}</li>
              ))}
            </ul>
          </Notice>
        )}
        <div>
          <Button kind="primary" onClick={onClose}>
            {t('plan:reschedule.close')}
          </Button>
        </div>
      </div>
    )
  }
  return (
    <form onSubmit={event => void submit(event)} className="flex flex-col gap-4" noValidate>
      <TextField
        label={t('plan:new.hours')}
        error={wrong && t('plan:new.hoursWrong')}
        type="number"
        min={0.5}
        max={80}
        step={0.5}
        inputMode="decimal"
        value={hours}
        onChange={event => setHours(event.target.value)}
      />
      <ProblemNotice error={problem} />
      <div>
        <Button type="submit" kind="primary" busy={busy}>
          {t('plan:reschedule.submit')}
        </Button>
      </div>
    </form>
  )
}
