import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Schema } from '@/api/types'
import { buttonStyle } from '@/ui/button'
import { Loaded } from '@/ui/loaded'
import { Meter } from '@/ui/meter'
import { Badge } from '@/ui/notice'
import { Empty, Section } from '@/ui/page'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateText, numberText, relativeTime } from '@/ui/time'
import { ClassFrame } from './ClassFrame'
import { overviewQuery, type Class } from './queries'

type Overview = Schema['ClassOverview']

export function OverviewPage() {
  return <ClassFrame>{of => <ClassOverview of={of} />}</ClassFrame>
}

function ClassOverview({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const overview = useQuery(overviewQuery(of.id))
  return (
    <Loaded query={overview}>
      {found =>
        found.students.length === 0 ? (
          <Empty title={t('classes:overview.empty.title')}>{t('classes:overview.empty.text')}</Empty>
        ) : (
          <>
            <NeedHelp classId={of.id} students={found.students} />
            <Concepts overview={found} />
            <Everyone classId={of.id} students={found.students} />
            <p className="mt-6 text-sm text-muted">{t('classes:overview.counted')}</p>
          </>
        )
      }
    </Loaded>
  )
}

function StudentLink({ classId, student }: { classId: string; student: Schema['StudentSummary'] }) {
  return (
    <Link
      to="/teach/classes/$classId/students/$studentId"
      params={{ classId, studentId: student.subject }}
      className="font-medium underline decoration-line underline-offset-4 hover:decoration-current"
    >
      {student.name}
    </Link>
  )
}

function NeedHelp({ classId, students }: { classId: string; students: Overview['students'] }) {
  const { t } = useTranslation('classes')
  const needing = students.filter(student => student.needs_help.length > 0)
  return (
    <Section title={t('classes:overview.help')}>
      {needing.length === 0 ? (
        <p className="text-muted">{t('classes:overview.nobody')}</p>
      ) : (
        <ul className="rounded-card border border-line bg-raised">
          {needing.map(student => (
            <li key={student.subject} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2.5 last:border-0">
              <span className="min-w-40 flex-1">
                <StudentLink classId={classId} student={student} />
              </span>
              <span className="flex flex-wrap gap-1.5">
                {student.needs_help.map(reason => (
                  <Badge key={reason} kind="warn">
                    {t(`classes:overview.reason.${reason}`)}
                  </Badge>
                ))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function Concepts({ overview }: { overview: Overview }) {
  const { t } = useTranslation('classes')
  const { concepts, sets, students } = overview
  if (concepts.length + sets.length === 0) return null
  const hidden = overview.group_figures !== 'shown'
  const rows = [
    ...concepts.map(one => ({ key: `${one.task_id}/${one.concept_id}`, title: one.title, due: one.due_on, started: one.started, mastery: one.mastery })),
    ...sets.map(one => ({ key: one.set_id, title: one.title, due: null, started: one.started, mastery: one.mastery })),
  ]
  const told = rows.filter(row => row.started != null)
  const untold = rows.filter(row => row.started == null)
  return (
    <Section title={t('classes:overview.concepts')}>
      {hidden ? (
        <p className="text-muted">{t('classes:overview.hidden')}</p>
      ) : told.length === 0 ? null : (
        <Table
          caption={t('classes:overview.concepts')}
          head={
            <>
              <Th>{t('classes:overview.concept')}</Th>
              <Th>{t('classes:overview.started')}</Th>
              <Th>{t('classes:overview.mastery')}</Th>
              <Th>{t('classes:overview.dueOn')}</Th>
            </>
          }
        >
          {told.map(row => (
            <tr key={row.key}>
              <RowHead className="min-w-44">{row.title}</RowHead>
              <Td>
                <Meter value={row.started == null ? null : row.started / students.length} />
              </Td>
              <Td>
                <Meter value={row.mastery} />
              </Td>
              <Td className="whitespace-nowrap text-muted">{row.due ? dateText(row.due) : ''}</Td>
            </tr>
          ))}
        </Table>
      )}
      {!hidden && untold.length > 0 && (
        <details className="mt-3 text-sm text-muted">
          <summary className="w-fit">{t('classes:overview.untold', { count: untold.length })}</summary>
          <ul className="mt-2 list-disc ps-5">
            {untold.map(row => (
              <li key={row.key}>{row.title}</li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  )
}

function Everyone({ classId, students }: { classId: string; students: Overview['students'] }) {
  const { t } = useTranslation('classes')
  const active = students.filter(student => student.is_active).length
  return (
    <Section
      title={t('classes:overview.everyone')}
      actions={
        <a href={`/api/classes/${classId}/progress.csv`} download className={buttonStyle()}>
          <Download aria-hidden className="size-4" />
          {t('classes:overview.csv')}
        </a>
      }
    >
      <p className="mb-3 text-sm text-muted">{t('classes:overview.active', { active: numberText(active), count: students.length })}</p>
      <Table
        caption={t('classes:overview.everyone')}
        head={
          <>
            <Th>{t('classes:column.name')}</Th>
            <Th>{t('classes:overview.last')}</Th>
            <Th end>{t('classes:overview.attempts')}</Th>
            <Th>{t('classes:overview.mastery')}</Th>
            <Th end>{t('classes:overview.due')}</Th>
          </>
        }
      >
        {students.map(student => (
          <tr key={student.subject}>
            <RowHead className="min-w-40">
              <StudentLink classId={classId} student={student} />
            </RowHead>
            <Td className="whitespace-nowrap text-muted">{student.last_active ? relativeTime(student.last_active) : t('classes:overview.never')}</Td>
            <Td end>{numberText(student.attempts)}</Td>
            <Td>
              <Meter value={student.mastery} />
            </Td>
            <Td end>{numberText(student.due)}</Td>
          </tr>
        ))}
      </Table>
    </Section>
  )
}
