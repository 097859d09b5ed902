import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { buttonStyle, Button } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Empty, Page } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { dueQuery, setQuery, type Item } from './api'
import { Making } from './Making'
import { useOutbox } from './outbox'
import { RoundView } from './RoundView'

const route = getRouteApi('/signed-in/practice/$set')

/** `/practice/due`: all that is due. `/practice/{set}`: what is due of one set; if nothing is, all of it, ahead of time. */
export function RoundPage() {
  const { set } = route.useParams()
  return set === 'due' ? <DueRound key="due" /> : <SetRound key={set} id={set} />
}

function DueRound() {
  const { t } = useTranslation('practice')
  const due = useQuery(dueQuery)
  const { waiting } = useOutbox()
  const title = t('practice:round.all')
  const sent = new Set(waiting.map(answer => answer.item))
  const items = due.data?.items.map(one => one.item).filter(item => !sent.has(item.id))
  if (!due.data)
    return (
      <Page title={title}>
        {due.isPending ? <Loading /> : <ProblemNotice error={due.error} />}
      </Page>
    )
  return <Start title={title} items={items!} ahead={[]} />
}

function SetRound({ id }: { id: string }) {
  const { t } = useTranslation('practice')
  const set = useQuery(setQuery(id))
  const due = useQuery(dueQuery)
  const title = set.data?.set.title ?? t('practice:title')
  if (set.error && !set.data) {
    // A set that is still being made does not exist yet.
    return (
      <Page title={t('practice:title')}>
        <Making id={id} problem={set.error} onReady={() => void set.refetch()} />
      </Page>
    )
  }
  if (!set.data || due.isPending)
    return (
      <Page title={title}>
        <Loading />
      </Page>
    )
  const dueIds = new Set(due.data?.items.map(one => one.item.id))
  const items = set.data.items.filter(item => dueIds.has(item.id))
  const ahead = set.data.items.filter(item => !dueIds.has(item.id))
  return <Start title={title} items={items} ahead={ahead} notes={set.data.set.notes} />
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

