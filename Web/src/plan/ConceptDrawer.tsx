import { useQuery, useQueryClient } from '@tanstack/react-query'
import { MessagesSquare, PencilLine } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Markdown } from '@/markdown/Markdown'
import { buttonStyle } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Notice } from '@/ui/notice'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { dateText, numberText, percentText } from '@/ui/time'
import { markConcept, progressQuery, setsQuery, type ConceptProgress, type Mark, type Plan, type PlanConcept, type Progress } from './api'
import { Evidence } from './Evidence'
import { Resources } from './Resources'
import { StateMark } from './StateMark'
import { conceptsOf, dayOf, stateOf } from './state'

interface DrawerProps {
  plan: Plan
  progress: Progress
  id: string | undefined
  onOpen: (id: string) => void
  onClose: () => void
}

/** One concept: what it is, and how to learn it, talk about it and practise it. */
export function ConceptDrawer({ plan, progress, id, onOpen, onClose }: DrawerProps) {
  const { t } = useTranslation('plan')
  const concept = conceptsOf(plan).find(one => one.id === id)
  const state = progress.concepts.find(one => one.concept_id === id)
  return (
    <Dialog side open={id !== undefined} onClose={onClose} title={concept ? <span lang={plan.language}>{concept.title}</span> : t('plan:concept.missing')}>
      {concept ? (
        <Body key={concept.id} plan={plan} concept={concept} progress={state} onOpen={onOpen} />
      ) : (
        <Notice kind="warn">{t('plan:concept.missingText')}</Notice>
      )}
    </Dialog>
  )
}

const title = 'mb-2 text-sm font-semibold'

function Body({ plan, concept, progress, onOpen }: { plan: Plan; concept: PlanConcept; progress: ConceptProgress | undefined; onOpen: (id: string) => void }) {
  const { t } = useTranslation('plan')
  const state = stateOf(progress)
  const titles = new Map(conceptsOf(plan).map(one => [one.id, one.title]))
  const needs = concept.prerequisites.filter(id => titles.has(id))
  const leads = conceptsOf(plan).filter(one => one.prerequisites.includes(concept.id))
  const set = useQuery(setsQuery).data?.find(one => one.task_id === plan.task_id && one.concept_id === concept.id)
  const ask = t('plan:concept.ask', { concept: concept.title, plan: plan.title })
  const links = (items: { id: string; title: string }[]) => (
    <ul className="flex flex-wrap gap-2">
      {items.map(one => (
        <li key={one.id}>
          <button type="button" onClick={() => onOpen(one.id)} lang={plan.language} className="min-h-8 rounded-full border border-edge px-3 text-sm hover:bg-hover">
            {one.title}
          </button>
        </li>
      ))}
    </ul>
  )
  return (
    <div className="flex flex-col gap-6">
      <div>
        <div lang={plan.language}>
          <Markdown text={concept.summary} level={3} />
        </div>
        <p className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted">
          <span className="inline-flex items-center gap-1.5">
            <StateMark state={state} silent />
            {t(`plan:state.${state}`)}
          </span>
          <span>{t('plan:view.hours', { count: concept.hours, hours: numberText(concept.hours) })}</span>
          {progress?.due_on && <span>{t('plan:week.due', { date: dateText(dayOf(progress.due_on)) })}</span>}
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        <PathLink href={set ? `/practice/${set.id}` : `/practice?make=1&plan=${plan.task_id}&concept=${encodeURIComponent(concept.id)}`} className={buttonStyle('primary')}>
          <PencilLine aria-hidden className="size-4" />
          {set ? t('plan:concept.practise') : t('plan:concept.make')}
        </PathLink>
        <PathLink href={`/c?ask=${encodeURIComponent(ask)}&concept=${encodeURIComponent(concept.id)}`} className={buttonStyle()}>
          <MessagesSquare aria-hidden className="size-4" />
          {t('plan:concept.talk')}
        </PathLink>
      </div>
      <Marks plan={plan.task_id} concept={concept.id} progress={progress} />
      <Resources concept={concept} language={plan.language} />
      {needs.length > 0 && (
        <section>
          <h3 className={title}>{t('plan:concept.first')}</h3>
          {links(needs.map(id => ({ id, title: titles.get(id)! })))}
        </section>
      )}
      {leads.length > 0 && (
        <section>
          <h3 className={title}>{t('plan:concept.leads')}</h3>
          {links(leads)}
        </section>
      )}
      <section>
        <h3 className={title}>{t('plan:concept.progress')}</h3>
        {progress && progress.attempts > 0 ? (
          <>
            <p className="text-sm">
              {t('plan:concept.mastery', { percent: percentText(progress.mastery), count: progress.attempts })}
              {progress.due + progress.new > 0 && ` ${t('plan:concept.due', { count: progress.due + progress.new })}`}
            </p>
            <Evidence items={progress.evidence} />
          </>
        ) : (
          <p className="text-sm text-muted">{t('plan:concept.noProgress')}</p>
        )}
      </section>
    </div>
  )
}

const marks: readonly Mark[] = [null, 'learning', 'known']

/** What the learner says of it themselves. */
function Marks({ plan, concept, progress }: { plan: string; concept: string; progress: ConceptProgress | undefined }) {
  const { t } = useTranslation('plan')
  const client = useQueryClient()
  const [problem, setProblem] = useState<unknown>(null)
  const [chosen, choose] = useState<Mark | undefined>(undefined)
  const mark = chosen !== undefined ? chosen : ((progress?.mark ?? null) as Mark)
  const set = async (next: Mark) => {
    choose(next)
    setProblem(null)
    try {
      await markConcept(plan, concept, next)
      await client.invalidateQueries({ queryKey: progressQuery(plan).queryKey })
      void client.invalidateQueries({ queryKey: ['today', 'progress', plan] })
    } catch (error) {
      setProblem(error)
    }
    choose(undefined)
  }
  return (
    <fieldset>
      <legend className={title}>{t('plan:mark.title')}</legend>
      <div className="flex flex-wrap gap-x-5 gap-y-1">
        {marks.map(one => (
          <label key={String(one)} className="flex min-h-8 items-center gap-2 text-sm">
            <input type="radio" name="mark" checked={mark === one} onChange={() => void set(one)} className="size-4.5 accent-accent" />
            {t(`plan:mark.${one ?? 'none'}`)}
          </label>
        ))}
      </div>
      <ProblemNotice error={problem} />
    </fieldset>
  )
}
