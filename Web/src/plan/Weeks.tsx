import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { cx } from '@/ui/class'
import { Badge } from '@/ui/notice'
import { ProblemNotice } from '@/ui/problem'
import { dateText, dayRange, numberText } from '@/ui/time'
import { markConcept, progressQuery, type Plan, type Progress } from './api'
import { byId, currentWeek, dayOf, daysOf, isDone, stateOf } from './state'

/** The plan week by week. A tick says "I know this"; a concept's name opens it. */
export function Weeks({ plan, progress, onOpen }: { plan: Plan; progress: Progress; onOpen: (id: string) => void }) {
  const { t } = useTranslation('plan')
  const client = useQueryClient()
  const [problem, setProblem] = useState<unknown>(null)
  const states = byId(progress.concepts)
  const current = currentWeek(progress.weeks, states)
  const today = new Date().toISOString().slice(0, 10)

  const mark = async (id: string, known: boolean) => {
    const { queryKey } = progressQuery(plan.task_id)
    const before = client.getQueryData(queryKey)
    setProblem(null)
    client.setQueryData(queryKey, old => old && { ...old, concepts: old.concepts.map(one => (one.concept_id === id ? { ...one, mark: known ? 'known' : null } : one)) })
    try {
      await markConcept(plan.task_id, id, known ? 'known' : null)
    } catch (error) {
      client.setQueryData(queryKey, before)
      setProblem(error)
    }
    void client.invalidateQueries({ queryKey })
    void client.invalidateQueries({ queryKey: ['today', 'progress', plan.task_id] })
  }
  return (
    <>
      <ProblemNotice error={problem} />
      <ol className="relative flex flex-col gap-8 border-s-2 border-line ps-6">
        {progress.weeks.map(week => {
          const days = daysOf(week)
          const isCurrent = week.number === current
          const isPast = week.items.every(item => isDone(stateOf(states.get(item.concept_id))))
          return (
            <li key={week.number} className="relative break-inside-avoid" aria-current={isCurrent ? 'step' : undefined}>
              <span
                aria-hidden
                className={cx(
                  'absolute -start-[1.9375rem] top-1.5 size-3 rounded-full border-2',
                  isPast ? 'border-good bg-good' : isCurrent ? 'border-accent bg-accent' : 'border-edge bg-page',
                )}
              />
              <div className="mb-2 flex flex-wrap items-baseline gap-x-3 gap-y-1">
                <h3>{t('plan:week.title', { number: week.number })}</h3>
                {days && <span className="text-sm text-muted">{dayRange(...days)}</span>}
                <span className="text-sm text-muted">{t('plan:view.hours', { count: week.hours, hours: numberText(week.hours) })}</span>
                {isCurrent && <Badge>{t('plan:week.current')}</Badge>}
              </div>
              <ul className="flex flex-col gap-1">
                {week.items.map(item => {
                  const concept = states.get(item.concept_id)
                  const state = stateOf(concept)
                  const due = concept?.due_on
                  return (
                    <li key={item.concept_id} className="flex items-start gap-3">
                      <input
                        type="checkbox"
                        checked={isDone(state)}
                        disabled={state === 'mastered'}
                        onChange={event => void mark(item.concept_id, event.target.checked)}
                        aria-label={t('plan:week.known', { title: item.title })}
                        className="mt-2.5 size-5 shrink-0 accent-accent"
                      />
                      <button
                        type="button"
                        onClick={() => onOpen(item.concept_id)}
                        className="flex min-h-10 min-w-0 flex-1 flex-wrap items-center gap-x-3 rounded-control px-2 py-1.5 text-start hover:bg-hover"
                      >
                        <span lang={plan.language} className={cx('min-w-0 basis-full sm:flex-1 sm:basis-40', isDone(state) && 'text-muted')}>{item.title}</span>
                        {due && <Badge kind={due < today && !isDone(state) ? 'bad' : 'plain'}>{t(due < today && !isDone(state) ? 'plan:week.overdue' : 'plan:week.due', { date: dateText(dayOf(due)) })}</Badge>}
                        <span className="text-sm text-muted">{t(`plan:state.${state}`)}</span>
                        <span className="text-sm text-muted sm:w-14 sm:text-end">{t('plan:week.hours', { hours: numberText(item.hours) })}</span>
                      </button>
                    </li>
                  )
                })}
              </ul>
            </li>
          )
        })}
      </ol>
    </>
  )
}
