import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Loading } from '@/ui/loading'
import { useTitle } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { Ask } from './Ask'
import { FirstSteps } from './FirstSteps'
import { ModelNote } from './ModelNote'
import { Classes, Continue, Due, Tutors, Week } from './Parts'
import { classesQuery, conversationsQuery, dueQuery, plansQuery, tutorsQuery } from './queries'

/** The start: one composer, and below it what was begun. */
export function TodayPage() {
  const { t } = useTranslation('today')
  const heading = useId()
  useTitle(t('today:title'))
  const me = useQuery(meQuery).data
  const conversations = useQuery(conversationsQuery)
  const due = useQuery(dueQuery)
  const plans = useQuery(plansQuery)
  const tutors = useQuery(tutorsQuery)
  const classes = useQuery(classesQuery)

  const all = [conversations, due, plans, tutors, classes]
  const pending = all.some(query => query.isPending)
  const failed = all.find(query => query.error && !query.data)?.error
  const plan = plans.data?.find(one => one.status !== 'failed' && one.status !== 'cancelled')
  const dueCount = due.data?.due_count ?? 0
  const isNew = !pending && !failed && !conversations.data?.length && !dueCount && !plan && !tutors.data?.length && !classes.data?.length
  return (
    <div className="mx-auto w-full max-w-[48rem] px-4 py-8 sm:px-8 sm:py-14">
      <h1 id={heading} className="mb-4">
        {t('today:ask.title')}
      </h1>
      <Ask labelledBy={heading} />
      <ModelNote />
      {isNew && <FirstSteps teaches={me?.role !== 'student'} />}
      <div className="mt-10">
        {pending && <Loading />}
        <ProblemNotice error={failed} />
        {!pending && (
          <>
            {dueCount > 0 && <Due count={dueCount} />}
            {plan && <Week plan={plan} />}
            {!!conversations.data?.length && <Continue conversations={conversations.data} />}
            {!!tutors.data?.length && <Tutors tutors={tutors.data} />}
            {!!classes.data?.length && <Classes classes={classes.data} />}
          </>
        )}
      </div>
    </div>
  )
}
