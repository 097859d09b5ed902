import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { CalendarClock, CalendarDays, Ellipsis, Printer } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button, IconButton } from '@/ui/button'
import { cx } from '@/ui/class'
import { Loading } from '@/ui/loading'
import { Menu, MenuItem } from '@/ui/menu'
import { Notice } from '@/ui/notice'
import { Page, Section } from '@/ui/page'
import { numberText, percentText } from '@/ui/time'
import type { Plan, Progress } from './api'
import { ConceptList } from './ConceptList'
import { byId, conceptsOf, isDone, stateOf } from './state'
import { Weeks } from './Weeks'

const route = getRouteApi('/signed-in/plans/$task')
// The page stands without them; they come right after it.
const ConceptMap = lazy(() => import('./ConceptMap'))
const ConceptDrawer = lazy(() => import('./ConceptDrawer').then(({ ConceptDrawer }) => ({ default: ConceptDrawer })))
const DatesDialog = lazy(() => import('./DatesDialog').then(({ DatesDialog }) => ({ default: DatesDialog })))
const RescheduleDialog = lazy(() => import('./RescheduleDialog').then(({ RescheduleDialog }) => ({ default: RescheduleDialog })))

/** A finished plan: its weeks, its concepts as a list and as a map, and each concept in a drawer. */
export function PlanView({ plan, progress }: { plan: Plan; progress: Progress }) {
  const { t } = useTranslation('plan')
  const { concept: open } = route.useSearch()
  const navigate = useNavigate()
  const [dialog, show] = useState<'reschedule' | 'dates' | null>(null)
  const [map, setMap] = useState(false)
  const states = byId(progress.concepts)
  const concepts = conceptsOf(plan)
  const done = concepts.filter(one => isDone(stateOf(states.get(one.id)))).length
  const openConcept = (id: string | undefined) =>
    void navigate({ to: '/plans/$task', params: { task: plan.task_id }, search: { concept: id }, replace: open !== undefined, resetScroll: false })
  const facts = [
    t(`plan:level.${plan.level}`, { defaultValue: plan.level }),
    t('plan:view.hours', { count: plan.total_hours, hours: numberText(plan.total_hours) }),
    t('plan:view.weeks', { count: progress.weeks.length }),
    ...(progress.is_own ? [] : [t('plan:view.shared')]),
  ]
  return (
    <Page
      title={plan.title}
      lead={plan.goal}
      actions={
        <>
          <Button onClick={() => show('reschedule')}>
            <CalendarClock aria-hidden className="size-4" />
            {t('plan:reschedule.action')}
          </Button>
          <Menu
            trigger={
              <IconButton label={t('plan:view.actions')}>
                <Ellipsis aria-hidden />
              </IconButton>
            }
          >
            {progress.is_own && (
              <MenuItem onClick={() => show('dates')}>
                <CalendarDays aria-hidden />
                {t('plan:dates.action')}
              </MenuItem>
            )}
            <MenuItem onClick={() => setTimeout(() => print(), 100)}>
              <Printer aria-hidden />
              {t('plan:view.print')}
            </MenuItem>
          </Menu>
        </>
      }
    >
      <p className="text-sm text-muted">{facts.join(' · ')}</p>
      <div className="mt-5">
        <div className="mb-1.5 flex flex-wrap justify-between gap-x-4 text-sm">
          <span>{t('plan:view.done', { count: done, total: concepts.length })}</span>
          <span className="text-muted">{t('plan:mastered', { percent: percentText(progress.mastery) })}</span>
        </div>
        <progress className="bar" value={done} max={concepts.length} aria-label={t('plan:view.progress')} />
      </div>
      <Notes plan={plan} isOwn={progress.is_own} />
      <Section title={t('plan:view.byWeek')}>
        <Weeks plan={plan} progress={progress} onOpen={openConcept} />
      </Section>
      <Section
        title={t('plan:view.concepts')}
        actions={
          <div role="group" aria-label={t('plan:view.show')} className="print-hidden flex rounded-control border border-edge p-0.5">
            {[false, true].map(value => (
              <button
                key={String(value)}
                type="button"
                aria-pressed={map === value}
                onClick={() => setMap(value)}
                className={cx('min-h-8 rounded-[0.375rem] px-3 text-sm', map === value ? 'bg-tint font-medium text-accent' : 'text-muted hover:text-ink')}
              >
                {value ? t('plan:view.map') : t('plan:view.list')}
              </button>
            ))}
          </div>
        }
      >
        {map && (
          <div className="print-hidden">
            <Suspense fallback={<Loading />}>
              <ConceptMap concepts={concepts} language={plan.language} states={states} onOpen={openConcept} />
            </Suspense>
          </div>
        )}
        <div className={map ? 'hidden print:block' : undefined}>
          <ConceptList plan={plan} states={states} onOpen={openConcept} />
        </div>
      </Section>
      <Suspense fallback={null}>
        <ConceptDrawer plan={plan} progress={progress} id={open} onOpen={openConcept} onClose={() => openConcept(undefined)} />
        <RescheduleDialog open={dialog === 'reschedule'} plan={plan} progress={progress} onClose={() => show(null)} />
        {progress.is_own && <DatesDialog key={dialog} open={dialog === 'dates'} plan={plan} progress={progress} onClose={() => show(null)} />}
      </Suspense>
    </Page>
  )
}

/** How it was made, and what does not fit: said once, folded where it is no warning. */
function Notes({ plan, isOwn }: { plan: Plan; isOwn: boolean }) {
  const { t } = useTranslation('plan')
  // The date was the wish of who made the plan; a class has dates of its own.
  const late = isOwn && plan.fits_deadline === false
  if (plan.notes.length === 0 && !late) return null
  return (
    <Notice kind={late ? 'warn' : 'info'} className="mt-5">
      {late && <p className="font-medium">{t('plan:view.late')}</p>}
      {plan.notes.map(note => (
        <p key={note} lang={plan.language} className="mt-1 first:mt-0">
          {note}
        </p>
      ))}
    </Notice>
  )
}
