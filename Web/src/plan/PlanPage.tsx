import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Problem } from '@/api/problem'
import { buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Page } from '@/ui/page'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { isUuid } from '@/ui/uuid'
import { progressQuery, resultQuery, taskQuery } from './api'
import { Making } from './Making'
import { PlanView } from './PlanView'

const route = getRouteApi('/signed-in/plans/$task')

/** A plan: while it is made its stages, then its weeks. */
export function PlanPage() {
  const { t } = useTranslation('plan')
  const { task: id } = route.useParams()
  const isId = isUuid(id)
  const task = useQuery({ ...taskQuery(id), enabled: isId })
  const done = task.data?.status === 'completed'
  const result = useQuery({ ...resultQuery(id), enabled: done })
  const progress = useQuery({ ...progressQuery(id), enabled: done })
  if (result.data && progress.data) return <PlanView key={id} plan={result.data} progress={progress.data} />
  const error = isId ? (!task.data && task.error) || result.error || progress.error : new Problem(404, { code: 'task_not_found' })
  const title = task.data && !done ? task.data.user_query : t('plan:title')
  return (
    <Page title={title.length > 120 ? `${title.slice(0, 120)}…` : title}>
      {error ? (
        <div className="flex flex-col items-start gap-4">
          <ProblemNotice error={error} />
          <PathLink href="/plans" className={buttonStyle()}>
            {t('plan:back')}
          </PathLink>
        </div>
      ) : task.data && !done ? (
        <Making task={task.data} />
      ) : (
        <Loading />
      )}
    </Page>
  )
}
