import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Search, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button, IconButton } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { ProblemNotice } from '@/ui/problem'
import { dateText } from '@/ui/time'
import { plainTitle } from './useConversations'

/** Searches when typing rests. */
export function useChatSearch() {
  const [text, setText] = useState('')
  const [asked, setAsked] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 250)
    return () => clearTimeout(timer)
  }, [text])
  const query = useInfiniteQuery({
    queryKey: ['search', asked],
    enabled: asked.length > 0,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => data(api.GET('/api/search', { params: { query: { q: asked, limit: 20, cursor: pageParam ?? undefined } } })),
    getNextPageParam: page => page.next_cursor ?? null,
  })
  return { text, setText, query }
}

type ChatSearchState = ReturnType<typeof useChatSearch>

export function SearchBox({ search: { text, setText } }: { search: ChatSearchState }) {
  const { t } = useTranslation('chat')
  return (
    <div role="search" className="relative">
      <Search aria-hidden className="pointer-events-none absolute start-3 top-3 size-4 text-faint" />
      <input
        type="search"
        data-chat-search
        aria-label={t('chat:search.label')}
        placeholder={t('chat:search.label')}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => event.key === 'Escape' && setText('')}
        className="min-h-10 w-full rounded-control border border-edge bg-raised ps-9 pe-9 text-base placeholder:text-faint sm:text-sm [&::-webkit-search-cancel-button]:hidden"
      />
      {text && (
        <IconButton label={t('chat:search.clear')} onClick={() => setText('')} className="absolute end-0 top-0">
          <X aria-hidden />
        </IconButton>
      )}
    </div>
  )
}

export function SearchHits({ search: { query } }: { search: ChatSearchState }) {
  const { t } = useTranslation('chat')
  const hits = query.data?.pages.flatMap(page => page.hits) ?? []
  return (
    <>
      {query.isFetching && hits.length === 0 && <Loading />}
      <ProblemNotice error={query.error} />
      <p role="status" className={hits.length > 0 ? 'sr-only' : 'px-3 py-2 text-sm text-muted empty:hidden'}>
        {query.isSuccess && (hits.length > 0 ? t('chat:search.found', { count: hits.length }) : t('chat:search.nothing'))}
      </p>
      <ul className="flex flex-col gap-px">
        {hits.map((hit, index) => (
          <li key={`${hit.message_id ?? hit.session_id ?? hit.conversation_id} ${index}`}>
            <Hit hit={hit} />
          </li>
        ))}
      </ul>
      {query.hasNextPage && (
        <Button kind="quiet" className="mt-1 w-full" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t('app:more')}
        </Button>
      )}
    </>
  )
}

function Hit({ hit }: { hit: Schema['SearchHit'] }) {
  const { t } = useTranslation('chat')
  const where = (
    <>
      <span className="flex items-baseline justify-between gap-2">
        <span className="truncate font-medium">{hit.session_id ? t('chat:search.session') : plainTitle(hit.title ?? '')}</span>
        <span className="shrink-0 text-xs text-muted">{dateText(hit.at)}</span>
      </span>
      <span className="line-clamp-2 text-muted">
        <Marked text={hit.snippet} ranges={hit.ranges} />
      </span>
    </>
  )
  const style = 'flex flex-col gap-0.5 rounded-control px-3 py-2 text-sm hover:bg-hover'
  return hit.conversation_id ? (
    <Link to="/c/$id" params={{ id: hit.conversation_id }} hash={hit.message_id ?? undefined} className={style}>
      {where}
    </Link>
  ) : (
    <Link to={`/live/${hit.session_id}` as '/live'} className={style}>
      {where}
    </Link>
  )
}

function Marked({ text, ranges }: { text: string; ranges: readonly Schema['TextRange'][] }) {
  const parts: React.ReactNode[] = []
  let at = 0
  for (const { start, length } of ranges) {
    parts.push(text.slice(at, start), <mark key={start} className="bg-tint font-medium text-ink">{text.slice(start, start + length)}</mark>)
    at = start + length
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  )
}
