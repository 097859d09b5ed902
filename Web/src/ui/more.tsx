import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { Loading } from './loading'
import { ProblemNotice } from './problem'

/** A list that is read page by page. Further pages come when one asks; what is there stays when one cannot be read. */
export function Pages<T>({ query, children }: { query: UseInfiniteQueryResult<InfiniteData<T>>; children: (pages: T[]) => ReactNode }) {
  const { t } = useTranslation()
  if (query.isPending) return <Loading />
  return (
    <>
      {query.data && children(query.data.pages)}
      {query.error && <ProblemNotice error={query.error} />}
      {(query.hasNextPage || !query.data) && (
        <Button className="mt-4" busy={query.isFetching} onClick={() => void (query.data ? query.fetchNextPage() : query.refetch())}>
          {query.data ? t('app:more') : t('app:again')}
        </Button>
      )}
    </>
  )
}
