import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Eye } from 'lucide-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { BackLink } from '@/ui/back'
import { Loaded } from '@/ui/loaded'
import { Meter } from '@/ui/meter'
import { Badge, Notice } from '@/ui/notice'
import { percentText } from '@/ui/number'
import { Empty, Page, Section } from '@/ui/page'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateTimeText, numberText, relativeTime } from '@/ui/time'
import { classQuery } from './queries'

/** What a class's teacher may see of one student. Opening it is a look that the student sees: it says so. */
export function StudentPage() {
  const { t } = useTranslation('classes')
  const { classId, studentId } = useParams({ from: '/signed-in/teach/classes/$classId/students/$studentId' })
  const name = useQuery(classQuery(classId)).data?.name
  const student = useQuery({
    queryKey: ['classes', classId, 'student', studentId],
    queryFn: () => data(api.GET('/api/classes/{id}/students/{student}', { params: { path: { id: classId, student: studentId } } })),
    // Every reading is a look, which is recorded: not one more because a window got the focus.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    staleTime: 60_000,
  })
  return (
    <Page
      title={student.data?.name ?? t('classes:student.title')}
      lead={student.data && t(`classes:student.visibility.${student.data.visibility}`)}
      above={<BackLink to={`/teach/classes/${classId}/overview`}>{name ?? t('classes:class')}</BackLink>}
    >
      <Notice className="mb-6 flex gap-3">
        <Eye aria-hidden className="mt-0.5 size-4.5 shrink-0" />
        <span>{t('classes:student.look')}</span>
      </Notice>
      <Loaded query={student}>
        {found => (
          <>
            <Summary summary={found.summary} />
            {found.roadmaps.length === 0 ? (
              <div className="mt-8">
                <Empty title={t('classes:student.empty.title')}>{t('classes:student.empty.text')}</Empty>
              </div>
            ) : (
              found.roadmaps.map(plan => <PlanProgress key={plan.task_id} plan={plan} />)
            )}
          </>
        )}
      </Loaded>
    </Page>
  )
}

function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-sm text-muted">{label}</dt>
      <dd className="text-lg font-semibold">{children}</dd>
    </div>
  )
}

function Summary({ summary }: { summary: Schema['StudentSummary'] }) {
  const { t } = useTranslation('classes')
  return (
    <>
      {summary.needs_help.length > 0 && (
        <p className="mb-4 flex flex-wrap gap-1.5">
          {summary.needs_help.map(reason => (
            <Badge key={reason} kind="warn">
              {t(`classes:overview.reason.${reason}`)}
            </Badge>
          ))}
        </p>
      )}
      <dl className="grid grid-cols-2 gap-4 rounded-card border border-line bg-raised p-5 sm:grid-cols-4">
        <Figure label={t('classes:overview.last')}>{summary.last_active ? relativeTime(summary.last_active) : t('classes:overview.never')}</Figure>
        <Figure label={t('classes:overview.attempts')}>{numberText(summary.attempts)}</Figure>
        <Figure label={t('classes:overview.mastery')}>{summary.mastery == null ? '–' : percentText(summary.mastery)}</Figure>
        <Figure label={t('classes:overview.due')}>{numberText(summary.due)}</Figure>
      </dl>
    </>
  )
}

function PlanProgress({ plan }: { plan: Schema['RoadmapProgress'] }) {
  const { t } = useTranslation('classes')
  return (
    <Section title={plan.title}>
      <Table
        top
        caption={plan.title}
        head={
          <>
            <Th>{t('classes:overview.concept')}</Th>
            <Th>{t('classes:student.state')}</Th>
            <Th>{t('classes:overview.mastery')}</Th>
            <Th>{t('classes:student.evidence')}</Th>
          </>
        }
      >
        {plan.concepts.map(concept => (
          <tr key={concept.concept_id}>
            <RowHead className="min-w-36">{concept.title}</RowHead>
            <Td className="whitespace-nowrap text-muted">{t(`classes:student.states.${concept.state}`, { defaultValue: concept.state })}</Td>
            <Td>
              <Meter value={concept.attempts ? concept.mastery : null} />
            </Td>
            <Td className="min-w-36">
              <Attempts evidence={concept.evidence} />
            </Td>
          </tr>
        ))}
      </Table>
    </Section>
  )
}

function Attempts({ evidence }: { evidence: readonly Schema['Evidence'][] }) {
  const { t } = useTranslation('classes')
  if (evidence.length === 0) return <span className="text-faint">–</span>
  return (
    <details>
      <summary className="w-fit text-accent">{t('classes:student.attempts', { count: evidence.length })}</summary>
      <ul className="mt-1 flex flex-col gap-0.5 text-muted">
        {evidence.map(one => (
          <li key={one.attempt_id}>
            {dateTimeText(one.at)} · {t(`classes:student.outcome.${one.outcome}`, { defaultValue: one.outcome })}
            {!one.counted && ` · ${t('classes:student.early')}`}
          </li>
        ))}
      </ul>
    </details>
  )
}
