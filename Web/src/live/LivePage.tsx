import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Button, buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Badge } from '@/ui/notice'
import { Empty, Page, Section } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { dateTimeText } from '@/ui/time'
import { sessionsQuery, tutorsQuery } from './queries'

/** With whom to talk, and what was said before. */
export function LivePage() {
  const { t } = useTranslation('live')
  return (
    <Page title={t('live:title')} lead={t('live:lead')}>
      <Choose />
      <Past />
    </Page>
  )
}

function Choose() {
  const { t } = useTranslation('live')
  const tutors = useQuery(tutorsQuery)
  const me = useQuery(meQuery).data
  if (tutors.isPending) return <Loading />
  if (tutors.error) return <ProblemNotice error={tutors.error} />
  if (tutors.data.length === 0)
    return me?.role === 'student' ? (
      <Empty title={t('live:none.title')} action={<PathLink href="/join" className={buttonStyle('primary')}>{t('app:join')}</PathLink>}>
        {t('live:none.student')}
      </Empty>
    ) : (
      <Empty title={t('live:none.title')} action={<PathLink href="/teach/tutors/new" className={buttonStyle('primary')}>{t('live:none.make')}</PathLink>}>
        {t('live:none.teacher')}
      </Empty>
    )
  return (
    <Section title={t('live:choose')}>
      <ul className="grid gap-3 sm:grid-cols-2">
        {tutors.data.map(tutor => (
          <li key={tutor.id} className="flex items-center gap-3 rounded-card border border-line bg-raised p-4">
            <div className="min-w-0 flex-1">
              <p className="font-medium">{tutor.name}</p>
              <p className="text-sm text-muted">{[tutor.subject, tutor.mine ? '' : t('live:shared')].filter(Boolean).join(' · ')}</p>
            </div>
            <Link to="/live/$tutor" params={{ tutor: String(tutor.id) }} className={buttonStyle()} aria-label={t('live:talkTo', { name: tutor.name })}>
              {t('live:talk')}
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  )
}

function Past() {
  const { t } = useTranslation('live')
  const sessions = useInfiniteQuery(sessionsQuery)
  const tutors = useQuery(tutorsQuery).data
  const all = sessions.data?.pages.flatMap(page => page.sessions) ?? []
  if (sessions.error) return <ProblemNotice error={sessions.error} />
  if (all.length === 0) return null
  return (
    <Section title={t('live:past.title')}>
      <ul className="divide-y divide-line overflow-hidden rounded-card border border-line bg-raised">
        {all.map(one => (
          <li key={one.session_id}>
            <Link to="/live/past/$id" params={{ id: one.session_id }} className="flex min-h-12 items-center gap-3 px-4 py-2 text-sm hover:bg-hover focus-visible:-outline-offset-2">
              <span className="min-w-0 flex-1 sm:flex sm:items-center sm:justify-between sm:gap-3">
                <span className="block truncate font-medium">{tutors?.find(tutor => tutor.id === one.tutor_id)?.name ?? t('live:past.unknown')}</span>
                <span className="block shrink-0 text-muted">{dateTimeText(one.created_at)}</span>
              </span>
              {one.status === 'active' && <Badge kind="good">{t('live:past.active')}</Badge>}
            </Link>
          </li>
        ))}
      </ul>
      {sessions.hasNextPage && (
        <Button className="mt-3" busy={sessions.isFetchingNextPage} onClick={() => void sessions.fetchNextPage()}>
          {t('app:more')}
        </Button>
      )}
    </Section>
  )
}
