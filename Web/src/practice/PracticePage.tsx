import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '@/app/query'
import { Button, buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Notice } from '@/ui/notice'
import { Empty, Page, Section } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { dueQuery, setsQuery, tasksQuery } from './api'
import { TaskState } from './Making'
import { MakeSet } from './MakeSet'
import { sendWaiting, useOutbox } from './outbox'
import { OutboxNotice } from './OutboxNotice'
import { SetRow } from './SetRow'

const route = getRouteApi('/signed-in/practice')

/** What is due, and the sets of questions. */
export function PracticePage() {
  const { t } = useTranslation('practice')
  const search = route.useSearch()
  const navigate = useNavigate()
  const due = useQuery(dueQuery)
  const sets = useInfiniteQuery(setsQuery)
  const tasks = useQuery(tasksQuery)
  const { waiting } = useOutbox()
  useEffect(() => void sendWaiting(), [])

  const open = (tasks.data ?? []).filter(task => task.status === 'queued' || task.status === 'running')
  const failed = (tasks.data ?? []).filter(task => task.status === 'failed').slice(0, 1)
  const running = open.length
  const before = useRef(running)
  useEffect(() => {
    // One that was being made is there now.
    if (running < before.current) void queries.invalidateQueries({ queryKey: ['practice'], predicate: query => query.queryKey[1] !== 'tasks' })
    before.current = running
  }, [running])

  const all = sets.data?.pages.flatMap(page => page.sets) ?? []
  const answered = new Set(waiting.map(answer => answer.item))
  const dueItems = due.data?.items.filter(one => !answered.has(one.item.id)) ?? []
  const dueOf = (id: string) => dueItems.filter(one => one.item.set_id === id).length
  // Those of the list, and more that the server counts beyond them.
  const dueCount = due.data ? Math.max(0, due.data.due_count - (due.data.items.length - dueItems.length)) : 0
  const make = () => void navigate({ to: '/practice', search: { make: 1 } })
  const isNew = sets.isSuccess && all.length === 0 && open.length === 0
  return (
    <Page
      title={t('practice:title')}
      lead={isNew ? undefined : t('practice:lead')}
      actions={
        !isNew && (
          <Button onClick={make}>
            <Plus aria-hidden className="size-4" />
            {t('practice:make.action')}
          </Button>
        )
      }
    >
      <OutboxNotice />
      {due.data?.offline && (
        <Notice kind="warn" className="mb-4">
          {t('practice:offline')}
        </Notice>
      )}
      {(due.data?.shared === 'unavailable' || sets.data?.pages[0]?.shared === 'unavailable') && (
        <Notice kind="warn" className="mb-4">
          {t('practice:unshared')}
        </Notice>
      )}
      {due.data && !isNew && (
        <div className="flex flex-wrap items-center justify-between gap-4 rounded-card border border-line bg-raised px-5 py-4">
          <p className="text-lg font-medium">{dueCount === 0 ? t('practice:due.none') : dueCount >= 100 ? t('practice:due.many') : t('practice:due.count', { count: dueCount })}</p>
          {dueItems.length > 0 && (
            <PathLink href="/practice/due" className={buttonStyle('primary')}>
              {t('practice:due.start')}
            </PathLink>
          )}
        </div>
      )}
      {due.isPending && <Loading />}
      {!due.data && <ProblemNotice error={due.error} />}
      {(open.length > 0 || failed.length > 0) && (
        <Section title={t('practice:making.title')}>
          <div className="flex flex-col gap-3">
            {[...open, ...failed].map(task => (
              <TaskState key={task.task_id} task={task} />
            ))}
          </div>
        </Section>
      )}
      {isNew ? (
        <Empty
          title={t('practice:empty.title')}
          action={
            <Button kind="primary" onClick={make}>
              {t('practice:make.action')}
            </Button>
          }
        >
          {t('practice:empty.text')}
        </Empty>
      ) : (
        <Section title={t('practice:sets.title')}>
          {sets.isPending && <Loading />}
          {!sets.data && !due.data?.offline && <ProblemNotice error={sets.error} />}
          <ul className="divide-y divide-line overflow-hidden rounded-card border border-line bg-raised empty:hidden">
            {all.map(set => (
              <SetRow key={set.id} set={set} due={dueOf(set.id)} />
            ))}
          </ul>
          {sets.hasNextPage && (
            <Button className="mt-3" busy={sets.isFetchingNextPage} onClick={() => void sets.fetchNextPage()}>
              {t('app:more')}
            </Button>
          )}
        </Section>
      )}
      <MakeSet search={search} onClose={() => void navigate({ to: '/practice', replace: true })} />
    </Page>
  )
}
