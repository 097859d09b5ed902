import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '@/api/problem'
import { Button, buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Empty, Page } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { isUuid } from '@/ui/uuid'
import { dueQuery, setQuery, type Item } from './api'
import { Making } from './Making'
import { useOutbox } from './outbox'
import { RoundView } from './RoundView'

const route = getRouteApi('/signed-in/practice/$set')

/** `/practice/due`: all that is due. `/practice/{set}`: what is due of one set; if nothing is, all of it, ahead of time. */
export function RoundPage() {
  const { set } = route.useParams()
  const { making } = route.useSearch()
  if (set === 'due') return <DueRound key="due" />
  return making ? <NewSet key={set} id={set} /> : <SetRound key={set} id={set} />
}

/** What is due now, and not what was due when another page asked. */
const freshDue = { ...dueQuery, refetchOnMount: 'always', staleTime: 0 } as const

function DueRound() {
  const { t } = useTranslation('practice')
  const due = useQuery(freshDue)
  const { waiting } = useOutbox()
  const title = t('practice:round.all')
  if (!due.isFetchedAfterMount || !due.data) return <Waiting title={title} error={due.data ? null : due.error} />
  const sent = new Set(waiting.map(answer => answer.item))
  return <Start title={title} items={due.data.items.map(one => one.item).filter(item => !sent.has(item.id))} ahead={[]} />
}

/** A set that was just asked for. */
function NewSet({ id }: { id: string }) {
  const { t } = useTranslation('practice')
  const navigate = useNavigate()
  return (
    <Page title={t('practice:make.title')}>
      <Making id={id} onReady={() => void navigate({ to: '/practice/$set', params: { set: id }, replace: true })} />
    </Page>
  )
}

function SetRound({ id }: { id: string }) {
  const { t } = useTranslation('practice')
  const isId = isUuid(id)
  const set = useQuery({ ...setQuery(id), enabled: isId })
  const due = useQuery({ ...freshDue, enabled: !!set.data })
  const { waiting } = useOutbox()
  const title = set.data?.set.title ?? t('practice:title')
  if (!isId) return <Waiting title={title} error={new Problem(404, { code: 'practice_set_not_found' })} />
  if (!set.data || !due.isFetchedAfterMount) return <Waiting title={title} error={set.data ? null : set.error} />
  const sent = new Set(waiting.map(answer => answer.item))
  const dueIds = new Set(due.data?.items.map(one => one.item.id).filter(item => !sent.has(item)))
  const items = set.data.items.filter(item => dueIds.has(item.id))
  const ahead = set.data.items.filter(item => !dueIds.has(item.id))
  return <Start title={title} items={items} ahead={ahead} notes={set.data.set.notes} />
}

/** The page while it loads, and where it cannot. */
function Waiting({ title, error }: { title: string; error: unknown }) {
  const { t } = useTranslation('practice')
  return (
    <Page title={title}>
      {error ? (
        <div className="flex flex-col items-start gap-4">
          <ProblemNotice error={error} />
          <PathLink href="/practice" className={buttonStyle()}>
            {t('practice:round.back')}
          </PathLink>
        </div>
      ) : (
        <Loading />
      )}
    </Page>
  )
}

/** Holds the questions that the round began with: what comes due meanwhile does not move it. */
function Start({ title, items, ahead, notes }: { title: string; items: Item[]; ahead: Item[]; notes?: string[] }) {
  const { t } = useTranslation('practice')
  const [round, begin] = useState<{ items: Item[]; ahead: boolean; number: number }>({ items, ahead: false, number: 0 })
  if (round.items.length === 0)
    return (
      <Page title={title}>
        <Empty
          title={t('practice:round.nothing')}
          action={
            <div className="flex flex-wrap gap-2">
              {ahead.length > 0 && <Button onClick={() => begin({ items: ahead, ahead: true, number: 1 })}>{t('practice:round.ahead')}</Button>}
              <PathLink href="/practice" className={buttonStyle()}>
                {t('practice:round.back')}
              </PathLink>
            </div>
          }
        >
          {ahead.length > 0 ? t('practice:round.aheadText') : t('practice:round.nothingText')}
        </Empty>
      </Page>
    )
  return (
    <RoundView
      key={round.number}
      title={title}
      items={round.items}
      ahead={round.ahead}
      notes={notes}
      more={items.filter(item => !round.items.includes(item)).length}
      onMore={() => begin({ items, ahead: false, number: round.number + 1 })}
    />
  )
}

