import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { dateTimeText } from '@/ui/time'
import { listStyle, Row } from './Frame'

/** Who looked at what of mine: the API has written it down before anything was shown. */
export function Looks() {
  const { t } = useTranslation('settings')
  const looks = useInfiniteQuery({
    queryKey: ['settings', 'looks'],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => data(api.GET('/api/me/audit', { params: { query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: page => page.next_cursor,
  })
  const all = looks.data?.pages.flatMap(page => page.looks) ?? []
  return (
    <Section title={t('settings:looks.title')}>
      <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:looks.text')}</p>
      {looks.isPending && <Loading />}
      <ProblemNotice error={looks.error} />
      {looks.data && all.length === 0 && <p className="text-sm">{t('settings:looks.none')}</p>}
      {all.length > 0 && (
        <ul className={listStyle}>
          {all.map(look => (
            <li key={look.id}>
              <Row actions={<span className="text-muted">{dateTimeText(look.at)}</span>}>
                <p>{t(`settings:looks.view.${look.view}`, { viewer: look.viewer_name, defaultValue: t('settings:looks.view.other', { viewer: look.viewer_name }) })}</p>
                <p className="text-muted">
                  {look.class_name}
                  {look.times > 1 && ` · ${t('settings:looks.times', { count: look.times })}`}
                </p>
              </Row>
            </li>
          ))}
        </ul>
      )}
      {looks.hasNextPage && (
        <Button className="mt-3" busy={looks.isFetchingNextPage} onClick={() => void looks.fetchNextPage()}>
          {t('app:more')}
        </Button>
      )}
    </Section>
  )
}
