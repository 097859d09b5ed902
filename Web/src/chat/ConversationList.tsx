import { Link, useParams } from '@tanstack/react-router'
import { EllipsisVertical, Pin, SquarePen } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button, IconButton, buttonStyle } from '@/ui/button'
import { cx } from '@/ui/class'
import { Loading } from '@/ui/loading'
import { ProblemNotice } from '@/ui/problem'
import { ConversationMenu } from './ConversationMenu'
import type { Conversation } from './model'
import { SearchBox, SearchHits, useChatSearch } from './ChatSearch'
import { plainTitle, useConversations } from './useConversations'

/** All conversations: pinned ones first, then those last used. */
export function ConversationList() {
  const { t } = useTranslation('chat')
  const [archived, setArchived] = useState(false)
  const search = useChatSearch()
  const { query, conversations } = useConversations(archived)
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-col gap-2 p-3">
        <Link to="/c" search={{}} className={buttonStyle('secondary', 'justify-start')}>
          <SquarePen aria-hidden className="size-4" />
          {t('chat:new.heading')}
        </Link>
        <SearchBox search={search} />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {search.text.trim() ? (
          <SearchHits search={search} />
        ) : (
          <>
            {query.isPending && <Loading />}
            <ProblemNotice error={query.error} />
            {query.isSuccess && conversations.length === 0 && <p className="px-3 py-2 text-sm text-muted">{archived ? t('chat:list.noArchived') : t('chat:list.none')}</p>}
            <ul className="flex flex-col gap-px">
              {conversations.map(conversation => (
                <Row key={conversation.id} conversation={conversation} />
              ))}
            </ul>
            {query.hasNextPage && (
              <Button kind="quiet" className="mt-1 w-full" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('app:more')}
              </Button>
            )}
          </>
        )}
      </div>
      <div className="border-t border-line p-2">
        <Button kind="quiet" className="w-full" aria-pressed={archived} onClick={() => setArchived(!archived)}>
          {archived ? t('chat:list.showCurrent') : t('chat:list.showArchived')}
        </Button>
      </div>
    </div>
  )
}

function Row({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation('chat')
  const isShown = useParams({ strict: false }).id === conversation.id
  const title = plainTitle(conversation.title) || t('chat:title')
  return (
    <li className={cx('group relative flex items-center rounded-control', isShown ? 'bg-tint' : 'hover:bg-hover')}>
      <Link
        to="/c/$id"
        params={{ id: conversation.id }}
        aria-current={isShown ? 'page' : undefined}
        className={cx(
          'flex min-h-10 min-w-0 flex-1 items-center gap-2 rounded-control ps-3 pe-10 text-sm pointer-fine:pe-3 group-focus-within:pe-10 group-hover:pe-10',
          isShown && 'font-medium',
        )}
      >
        <span className="truncate" title={title}>
          {title}
        </span>
        {conversation.running && (
          <span className="ms-auto flex shrink-0 items-center">
            <span aria-hidden className="size-2 animate-pulse rounded-full bg-accent" />
            <span className="sr-only">{t('chat:list.running')}</span>
          </span>
        )}
        {conversation.pinned && (
          <span className={cx('shrink-0 text-faint', !conversation.running && 'ms-auto')}>
            <Pin aria-hidden className="size-3.5" />
            <span className="sr-only">{t('chat:list.pinned')}</span>
          </span>
        )}
      </Link>
      <ConversationMenu
        conversation={conversation}
        trigger={
          <IconButton
            label={t('chat:list.actionsOf', { title })}
            className="absolute end-0.5 size-9 pointer-fine:opacity-0 group-hover:opacity-100 group-focus-within:opacity-100 data-popup-open:opacity-100"
          >
            <EllipsisVertical aria-hidden />
          </IconButton>
        }
      />
    </li>
  )
}
