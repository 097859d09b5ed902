import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { Loading } from './loading'
import { ProblemNotice } from './problem'

/** What a query read; until then that it loads, or why it could not be read, with another attempt. What was read before stays while it is read anew. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  const { t } = useTranslation()
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.isPending) return <Loading />
  return (
    <div className="flex flex-col items-start gap-3">
      <ProblemNotice error={query.error} />
      <Button busy={query.isFetching} onClick={() => void query.refetch()}>
        {t('app:again')}
      </Button>
    </div>
  )
}
