import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { Button, buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Empty, Page, Section } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { classPlansQuery, plansQuery } from './api'
import { ClassPlanRow, PlanRow } from './PlanRow'

const list = 'divide-y divide-line overflow-hidden rounded-card border border-line bg-raised empty:hidden'

/** One's own plans, and those of one's classes. */
export function PlansPage() {
  const { t } = useTranslation('plan')
  const plans = useInfiniteQuery(plansQuery)
  const shared = useQuery(classPlansQuery)
  const own = plans.data?.pages.flatMap(page => page.tasks) ?? []
  const isNew = plans.isSuccess && own.length === 0
  const make = (
    <PathLink href="/plans/new" className={buttonStyle('primary')}>
      <Plus aria-hidden className="size-4" />
      {t('plan:new.action')}
    </PathLink>
  )
  return (
    <Page title={t('plan:title')} lead={isNew ? undefined : t('plan:lead')} actions={!isNew && make}>
      {plans.isPending && <Loading />}
      {!plans.data && <ProblemNotice error={plans.error} />}
      {isNew && (
        <Empty title={t('plan:empty.title')} action={make}>
          {t('plan:empty.text')}
        </Empty>
      )}
      <ul className={list}>
        {own.map(task => (
          <PlanRow key={task.task_id} task={task} />
        ))}
      </ul>
      {plans.hasNextPage && (
        <Button className="mt-3" busy={plans.isFetchingNextPage} onClick={() => void plans.fetchNextPage()}>
          {t('app:more')}
        </Button>
      )}
      {!!shared.data?.length && (
        <Section title={t('plan:classes')}>
          <ul className={list}>
            {shared.data.map(one => (
              <ClassPlanRow key={one.id} id={one.id} className={one.className} />
            ))}
          </ul>
        </Section>
      )}
      {shared.error && !shared.data && (
        <Section title={t('plan:classes')}>
          <ProblemNotice error={shared.error} />
        </Section>
      )}
    </Page>
  )
}
