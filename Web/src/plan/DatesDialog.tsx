import { useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { progressQuery, setDates, type Plan, type Progress } from './api'

interface DatesProps {
  open: boolean
  plan: Plan
  progress: Progress
  onClose: () => void
}

/** By when the owner of a plan wants its parts done: a date for each week, kept for each of its concepts. */
export function DatesDialog({ open, plan, progress, onClose }: DatesProps) {
  const { t } = useTranslation('plan')
  const client = useQueryClient()
  const [dates, setConceptDates] = useState<ReadonlyMap<string, string>>(() => new Map(progress.concepts.flatMap(one => (one.due_on ? [[one.concept_id, one.due_on] as const] : []))))
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)

  // A concept that goes on in the next week belongs to the week in which it ends.
  const lastWeek = new Map(plan.weeks.flatMap(week => week.items.map(item => [item.concept_id, week.number] as const)))
  const weeks = plan.weeks.map(week => ({ number: week.number, items: week.items.filter(item => lastWeek.get(item.concept_id) === week.number) })).filter(week => week.items.length > 0)

  const setWeek = (ids: string[], date: string) => {
    const next = new Map(dates)
    for (const id of ids) if (date) next.set(id, date)
      else next.delete(id)
    setConceptDates(next)
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(null)
    try {
      await setDates(plan.task_id, [...dates].map(([concept_id, due]) => ({ concept_id, due })))
      await client.invalidateQueries({ queryKey: progressQuery(plan.task_id).queryKey })
      say(t('plan:dates.saved'))
      onClose()
    } catch (error) {
      setProblem(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open={open} onClose={onClose} title={t('plan:dates.title')} description={t('plan:dates.text')}>
      <form onSubmit={event => void submit(event)} className="flex flex-col gap-4" noValidate>
        {weeks.map(week => {
          const ids = week.items.map(item => item.concept_id)
          const values = new Set(ids.map(id => dates.get(id) ?? ''))
          const one = values.size === 1 ? [...values][0]! : ''
          return (
            <TextField
              key={week.number}
              type="date"
              label={t('plan:week.title', { number: week.number })}
              hint={values.size > 1 ? t('plan:dates.mixed') : week.items.map(item => item.title).join(' · ')}
              value={one}
              onChange={event => setWeek(ids, event.target.value)}
            />
          )
        })}
        <ProblemNotice error={problem} />
        <div>
          <Button type="submit" kind="primary" busy={busy}>
            {t('plan:dates.submit')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
