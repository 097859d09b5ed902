import { useQuery } from '@tanstack/react-query'
import { CheckCircle2, Circle, CircleDot, Loader } from 'lucide-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schema } from '@/api/types'
import { buttonStyle } from '@/ui/button'
import { Badge } from '@/ui/notice'
import { Section } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { relativeTime } from '@/ui/time'
import { progressQuery } from './queries'
import { thisWeek } from './week'

const list = 'divide-y divide-line overflow-hidden rounded-card border border-line bg-raised'
const row = 'flex min-h-12 items-center gap-3 px-4 py-2 text-sm hover:bg-hover focus-visible:-outline-offset-2'
const more = 'text-sm font-medium text-accent underline py-1'

export function Continue({ conversations }: { conversations: Schema['ConversationView'][] }) {
  const { t } = useTranslation('today')
  return (
    <Section title={t('today:continue.title')} actions={<PathLink href="/c" className={more}>{t('today:continue.all')}</PathLink>}>
      <ul className={list}>
        {conversations.map(one => (
          <li key={one.id}>
            <PathLink href={`/c/${one.id}`} className={row}>
              <span className="min-w-0 flex-1 truncate font-medium">{one.title || t('today:continue.untitled')}</span>
              {one.running ? (
                <Badge>
                  <Loader aria-hidden className="size-3 animate-spin" />
                  {t('today:continue.running')}
                </Badge>
              ) : (
                <span className="shrink-0 text-muted">{relativeTime(one.updated_at)}</span>
              )}
            </PathLink>
          </li>
        ))}
      </ul>
    </Section>
  )
}

export function Due({ count }: { count: number }) {
  const { t } = useTranslation('today')
  return (
    <Section title={t('today:due.title')}>
      <div className="flex flex-wrap items-center justify-between gap-3 rounded-card border border-line bg-raised px-4 py-3">
        <p className="text-sm">{count >= 100 ? t('today:due.many') : t('today:due.count', { count })}</p>
        <PathLink href="/practice" className={buttonStyle()}>
          {t('today:due.action')}
        </PathLink>
      </div>
    </Section>
  )
}

const states = { mastered: CheckCircle2, learning: CircleDot, not_started: Circle } as const

/** The newest plan: this week's concepts; while it is being made, how far it is. */
export function Week({ plan }: { plan: Schema['TaskStatusResponse'] }) {
  const { t } = useTranslation('today')
  const progress = useQuery({ ...progressQuery(plan.task_id), enabled: plan.status === 'completed' })
  const plans = <PathLink href="/plans" className={more}>{t('today:week.all')}</PathLink>
  if (plan.status === 'queued' || plan.status === 'running')
    return (
      <Section title={t('today:week.title')} actions={plans}>
        <PathLink href={`/plans/${plan.task_id}`} className={`${list} ${row}`}>
          <Loader aria-hidden className="size-4 shrink-0 animate-spin text-accent" />
          <span className="min-w-0 flex-1 truncate">{plan.user_query}</span>
          <span className="text-muted">{t('today:week.making', { percent: plan.progress })}</span>
        </PathLink>
      </Section>
    )
  const week = progress.data && thisWeek(progress.data, new Date().toISOString().slice(0, 10))
  if (!progress.data || !week) return null
  return (
    <Section title={t('today:week.title')} actions={plans}>
      <p className="mb-2 text-sm text-muted">{t('today:week.of', { plan: progress.data.title, number: week.number })}</p>
      <ul className={list}>
        {week.concepts.map(concept => {
          const Icon = states[concept.state as keyof typeof states] ?? Circle
          return (
            <li key={concept.id}>
              <PathLink href={`/plans/${plan.task_id}?concept=${encodeURIComponent(concept.id)}`} className={row}>
                <Icon aria-hidden className={`size-4 shrink-0 ${concept.state === 'mastered' ? 'text-good' : 'text-muted'}`} />
                <span className="min-w-0 flex-1">{concept.title}</span>
                <span className="shrink-0 text-muted">{t(`today:week.state.${concept.state}`)}</span>
              </PathLink>
            </li>
          )
        })}
      </ul>
    </Section>
  )
}

export function Tutors({ tutors }: { tutors: Schema['UsableTutor'][] }) {
  const { t } = useTranslation('today')
  return (
    <Section title={t('today:tutors.title')}>
      <ul className="grid gap-3 sm:grid-cols-2">
        {tutors.map(tutor => (
          <li key={tutor.id} className="flex flex-col rounded-card border border-line bg-raised p-4">
            <p className="font-medium">{tutor.name}</p>
            <p className="text-sm text-muted">{[tutor.subject, tutor.mine ? '' : t('today:tutors.shared')].filter(Boolean).join(' · ')}</p>
            <div className="mt-auto flex gap-2 pt-3">
              <PathLink href={`/c?tutor=${tutor.id}`} className={buttonStyle('secondary', 'flex-1')} aria-label={t('today:tutors.chatWith', { name: tutor.name })}>
                {t('today:tutors.chat')}
              </PathLink>
              <PathLink href={`/live/${tutor.id}`} className={buttonStyle('secondary', 'flex-1')} aria-label={t('today:tutors.liveWith', { name: tutor.name })}>
                {t('today:tutors.live')}
              </PathLink>
            </div>
          </li>
        ))}
      </ul>
    </Section>
  )
}

export function Classes({ classes }: { classes: Schema['ClassView'][] }) {
  const { t } = useTranslation('today')
  const taught = classes.filter(one => one.manages)
  const joined = classes.filter(one => !one.manages)
  return (
    <>
      {taught.length > 0 && (
        <ClassList title={t('today:classes.taught')} action={<PathLink href="/teach/classes" className={more}>{t('today:classes.all')}</PathLink>}>
          {taught.slice(0, 6).map(one => (
            <li key={one.id}>
              <PathLink href={`/teach/classes/${one.id}/overview`} className={row}>
                <span className="min-w-0 flex-1 truncate font-medium">{one.name}</span>
                <span className="shrink-0 text-muted">{t('today:classes.students', { count: one.students ?? 0 })}</span>
              </PathLink>
            </li>
          ))}
        </ClassList>
      )}
      {joined.length > 0 && (
        <ClassList title={t('today:classes.joined')}>
          {joined.map(one => (
            <li key={one.id} className="flex min-h-12 items-center gap-3 px-4 py-2 text-sm">
              <span className="min-w-0 flex-1 truncate font-medium">{one.name}</span>
              <span className="max-w-[50%] truncate text-muted">{one.teacher_name}</span>
            </li>
          ))}
        </ClassList>
      )}
    </>
  )
}

function ClassList({ title, action, children }: { title: ReactNode; action?: ReactNode; children: ReactNode }) {
  return (
    <Section title={title} actions={action}>
      <ul className={list}>{children}</ul>
    </Section>
  )
}
