import { Link } from '@tanstack/react-router'
import { EllipsisVertical, PanelLeft, SquarePen } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import { useTitle } from '@/ui/page'
import { ConversationMenu } from './ConversationMenu'
import { plainTitle, useConversation } from './useConversations'

const iconLink = 'inline-flex size-10 shrink-0 items-center justify-center rounded-control text-muted hover:bg-hover hover:text-ink [&_svg]:size-4.5'

export function ChatHeader({ conversation }: { conversation: string | null }) {
  const { t } = useTranslation('chat')
  const view = useConversation(conversation).data
  const title = plainTitle(view?.title ?? '') || (conversation === null ? t('chat:new.heading') : t('chat:title'))
  useTitle(title)
  return (
    <header className="print-hidden flex min-h-14 items-center gap-1 border-b border-line px-2 lg:ps-6">
      <Link to="/c/list" aria-label={t('chat:list.title')} title={t('chat:list.title')} className={`${iconLink} lg:hidden`}>
        <PanelLeft aria-hidden />
      </Link>
      <h1 className="min-w-0 flex-1 truncate text-base" title={title}>
        {title}
      </h1>
      <Link to="/c" search={{}} aria-label={t('chat:new.heading')} title={t('chat:new.heading')} className={`${iconLink} lg:hidden`}>
        <SquarePen aria-hidden />
      </Link>
      {view && (
        <ConversationMenu
          conversation={view}
          trigger={
            <IconButton label={t('chat:list.actions')}>
              <EllipsisVertical aria-hidden />
            </IconButton>
          }
        />
      )}
    </header>
  )
}
