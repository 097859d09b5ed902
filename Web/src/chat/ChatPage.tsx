import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { usePerson } from '@/events/usePerson'
import { useTitle } from '@/ui/page'
import { ChatPane } from './ChatPane'
import { ConversationList } from './ConversationList'
import { chatRoute, newChatRoute } from './routes'
import { useChatEvents } from './useChatEvents'
import { useVisibleHeight } from './useVisibleHeight'

/** The list at the left of wide screens, the conversation beside it. The page itself does not scroll. */
function Frame({ shown, children }: { shown: string | null; children: ReactNode }) {
  const { t } = useTranslation('chat')
  const box = useRef<HTMLDivElement>(null)
  useChatEvents(shown)
  useVisibleHeight(box)
  return (
    <div ref={box} className="chat-frame flex min-h-0">
      <aside aria-label={t('chat:list.title')} className="print-hidden hidden w-72 shrink-0 flex-col border-e border-line lg:flex">
        <ConversationList />
      </aside>
      {children}
    </div>
  )
}

export function NewChatPage() {
  const search = newChatRoute.useSearch()
  const me = usePerson()
  if (!me) return null
  return (
    <Frame shown={null}>
      <ChatPane
        key={`${search.tutor} ${search.ask}`}
        person={me.subject}
        conversation={null}
        begin={{
          text: search.ask,
          send: search.send,
          manner: { ...(search.tutor && { tutor_id: search.tutor }), ...(search.concept && { concept_id: search.concept }) },
        }}
      />
    </Frame>
  )
}

export function ChatPage() {
  const { id } = chatRoute.useParams()
  const me = usePerson()
  if (!me) return null
  return (
    <Frame shown={id}>
      <ChatPane key={id} person={me.subject} conversation={id} begin={{ manner: {} }} />
    </Frame>
  )
}

/** For phones; on a wide screen the list is beside the conversation anyway. */
export function ChatListPage() {
  const { t } = useTranslation('chat')
  const navigate = useNavigate()
  useTitle(t('chat:list.title'))
  useEffect(() => {
    const wide = matchMedia('(min-width: 64rem)')
    const leave = () => wide.matches && void navigate({ to: '/c', search: {}, replace: true })
    leave()
    wide.addEventListener('change', leave)
    return () => wide.removeEventListener('change', leave)
  }, [navigate])
  return (
    <Frame shown={null}>
      <section className="flex min-w-0 flex-1 flex-col lg:hidden">
        <h1 className="px-5 pt-4">{t('chat:list.title')}</h1>
        <ConversationList />
      </section>
    </Frame>
  )
}
