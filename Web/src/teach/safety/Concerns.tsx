import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { byCursor } from '@/api/pages'
import { Button } from '@/ui/button'
import { Pages } from '@/ui/more'
import { dateTimeText } from '@/ui/time'
import { useNames } from './people'

/** Signs of self-harm. Nothing is read before one asks for it: each look is written down where the student sees it. */
export function Concerns() {
  const { t } = useTranslation('safety')
  const [shown, setShown] = useState(false)
  return (
    <>
      <p className="mb-3 text-muted">{t('safety:concerns.text')}</p>
      {shown ? <ConcernLists /> : <Button onClick={() => setShown(true)}>{t('safety:concerns.show')}</Button>}
    </>
  )
}

/** A look is recorded each time: it is read once, not again because a window got the focus. */
const once = { staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false, refetchOnReconnect: false } as const

function ConcernLists() {
  const { t } = useTranslation('safety')
  const name = useNames()
  const chats = useInfiniteQuery({
    queryKey: ['concerns', 'chats'],
    queryFn: ({ pageParam }) => data(api.GET('/api/concerns', { params: { query: { cursor: pageParam } } })),
    ...byCursor,
    ...once,
  })
  const sessions = useInfiniteQuery({
    queryKey: ['concerns', 'sessions'],
    queryFn: ({ pageParam }) => data(api.GET('/api/sessions/concerns', { params: { query: { cursor: pageParam } } })),
    ...byCursor,
    ...once,
  })
  const nothing = chats.data?.pages[0]?.concerns.length === 0 && sessions.data?.pages[0]?.flags.length === 0
  if (nothing)
    return (
      <p role="status" className="text-muted">
        {t('safety:concerns.none')}
      </p>
    )
  return (
    <div className="flex flex-col gap-4">
      <Pages query={chats}>
        {pages => <Signs signs={pages.flatMap(page => page.concerns).map(one => ({ key: one.id, name: name(one.person), at: one.created_at, quote: one.quote, place: t('safety:concerns.inChat') }))} />}
      </Pages>
      <Pages query={sessions}>
        {pages => (
          <Signs
            signs={pages.flatMap(page => page.flags).map(one => ({ key: `${one.session_id}/${one.turn}`, name: name(one.person), at: one.at, quote: one.quote, place: t('safety:concerns.inSession') }))}
          />
        )}
      </Pages>
    </div>
  )
}

function Signs({ signs }: { signs: readonly { key: string; name: string; at: string; quote: string; place: string }[] }) {
  if (signs.length === 0) return null
  return (
    <ul className="flex flex-col gap-3">
      {signs.map(({ key, name, at, quote, place }) => (
        <li key={key} className="rounded-card border border-line bg-raised px-4 py-3">
          <p className="flex flex-wrap justify-between gap-x-4">
            <span className="font-medium">{name}</span>
            <span className="text-sm text-muted">
              {place} · {dateTimeText(at)}
            </span>
          </p>
          <blockquote className="mt-1 border-s-2 border-line ps-3">{quote}</blockquote>
        </li>
      ))}
    </ul>
  )
}
