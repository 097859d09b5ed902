import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button, buttonStyle } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Loading } from '@/ui/loading'
import { Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { dateTimeText } from '@/ui/time'
import type { Citation, Turn } from './protocol'
import { sessionQuery, tutorsQuery } from './queries'
import { TurnView } from './TurnView'

const stored = (view: Schema['TurnView']): Turn => ({
  key: String(view.turn),
  question: view.question,
  answer: view.answer,
  state: view.status === 'interrupted' || view.status === 'failed' ? view.status : 'complete',
  finishReason: view.finish_reason ?? null,
  citations: Array.isArray(view.citations) ? (view.citations as Citation[]) : [],
  // The transcript keeps that an answer failed, not why.
  error: view.status === 'failed' ? 'interrupted' : null,
  help: null,
})

/** What was said in a session. */
export function PastPage() {
  const { t } = useTranslation('live')
  const { id } = useParams({ from: '/signed-in/live/past/$id' })
  const session = useInfiniteQuery(sessionQuery(id))
  const tutors = useQuery(tutorsQuery).data
  const navigate = useNavigate()
  const cache = useQueryClient()
  const [asking, setAsking] = useState(false)
  const remove = useMutation({
    mutationFn: () => data(api.DELETE('/api/sessions/{session_id}', { params: { path: { session_id: id } } })),
    onSuccess: async () => {
      await navigate({ to: '/live', replace: true })
      await cache.invalidateQueries({ queryKey: ['live', 'sessions'] })
    },
  })
  if (session.isPending) return <Loading />
  const view = session.data?.pages[0]
  if (!view)
    return (
      <Page title={t('live:past.one')}>
        <ProblemNotice error={session.error} />
        <Link to="/live" className={buttonStyle('secondary', 'mt-4')}>
          {t('live:back')}
        </Link>
      </Page>
    )
  const tutor = tutors?.find(one => one.id === view.tutor_id)
  const turns = session.data!.pages.flatMap(page => page.turns ?? [])
  return (
    <Page
      title={tutor?.name ?? t('live:past.unknown')}
      lead={t('live:past.at', { at: dateTimeText(view.created_at) })}
      actions={
        <>
          {tutor && !view.continued_by && (
            <Link to="/live/$tutor" params={{ tutor: String(tutor.id) }} search={{ from: id }} className={buttonStyle('primary')}>
              {t('live:past.goOn')}
            </Link>
          )}
          <Button onClick={() => setAsking(true)}>{t('app:delete')}</Button>
        </>
      }
    >
      {view.continues && (
        <p className="mb-6 text-sm">
          <Link to="/live/past/$id" params={{ id: view.continues }} className="py-1 text-accent underline">
            {t('live:past.before')}
          </Link>
        </p>
      )}
      {turns.length === 0 && <p className="text-muted">{t('live:past.empty')}</p>}
      <ol className="flex flex-col gap-8">
        {turns.map(turn => (
          <TurnView key={turn.turn} turn={stored(turn)} name={tutor?.name ?? t('live:past.tutor')} />
        ))}
      </ol>
      {session.hasNextPage && (
        <Button className="mt-6" busy={session.isFetchingNextPage} onClick={() => void session.fetchNextPage()}>
          {t('app:more')}
        </Button>
      )}
      {view.continued_by && (
        <p className="mt-6 text-sm">
          <Link to="/live/past/$id" params={{ id: view.continued_by }} className="py-1 text-accent underline">
            {t('live:past.after')}
          </Link>
        </p>
      )}
      <Confirm open={asking} onClose={() => setAsking(false)} onConfirm={() => remove.mutate()} busy={remove.isPending} danger title={t('live:past.deleteTitle')} text={t('live:past.deleteText')} action={t('app:delete')}>
        <div className="mt-3">
          <ProblemNotice error={remove.error} />
        </div>
      </Confirm>
    </Page>
  )
}
