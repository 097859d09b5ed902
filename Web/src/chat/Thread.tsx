import { useEffect, useLayoutEffect, useRef, type RefObject } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { ProblemNotice } from '@/ui/problem'
import { AnswerView } from './AnswerView'
import { LazyMessage } from './LazyMessage'
import type { Message } from './model'
import { PendingView } from './PendingView'
import type { Pending } from './pending'
import { QuestionView } from './QuestionView'

interface ThreadProps {
  conversation: string
  messages: Message[]
  pending: Pending | null
  locked: boolean
  scroller: RefObject<HTMLDivElement | null>
  hasEarlier: boolean
  loading: boolean
  fault: unknown
  loadEarlier: () => void
  onEdit: (message: Message, text: string) => void
  onRegenerate: (message: Message) => void
  onContinue: () => void
  onShow: (message: string) => void
  onCancel: (pending: Pending) => void
}

/** The messages of a branch, earlier ones as they are scrolled to. */
export function Thread({ conversation, messages, pending, locked, scroller, hasEarlier, loading, fault, loadEarlier, onEdit, onRegenerate, onContinue, onShow, onCancel }: ThreadProps) {
  const { t } = useTranslation('chat')
  const top = useRef<HTMLDivElement>(null)
  useKeptPosition(scroller, messages[0]?.id)

  useEffect(() => {
    if (!hasEarlier || loading || fault || !top.current) return
    const watcher = new IntersectionObserver(([entry]) => entry!.isIntersecting && loadEarlier(), { root: scroller.current, rootMargin: '800px 0px' })
    watcher.observe(top.current)
    return () => watcher.disconnect()
  }, [hasEarlier, loading, fault, loadEarlier, scroller])

  // What a pending question replaces is not shown while it is on its way.
  const from = pending?.edited ?? pending?.regenerated
  const cut = from ? messages.findIndex(message => message.id === from) : -1
  const shown = cut < 0 ? messages : messages.slice(0, cut)
  return (
    <>
      <div ref={top} />
      {hasEarlier && (
        <div className="flex flex-col items-center gap-2 pb-6">
          {fault !== null && <ProblemNotice error={fault} />}
          <Button kind="quiet" busy={loading} onClick={loadEarlier}>
            {t('chat:earlier')}
          </Button>
        </div>
      )}
      {shown.map((message, index) => (
        <LazyMessage key={message.id} id={message.id} scroller={scroller} keep={message.status === 'streaming'} initially={index >= shown.length - 12}>
          {message.role === 'user' ? (
            <QuestionView message={message} locked={locked} onEdit={onEdit} onShow={onShow} />
          ) : (
            <AnswerView
              conversation={conversation}
              message={message}
              isLast={index === shown.length - 1}
              locked={locked}
              onRegenerate={onRegenerate}
              onContinue={onContinue}
              onShow={onShow}
            />
          )}
        </LazyMessage>
      ))}
      {pending && <PendingView pending={pending} onCancel={() => onCancel(pending)} />}
    </>
  )
}

/** After earlier messages came, the reader still sees what was seen (browsers do it where the view was not at the very top). */
function useKeptPosition(scroller: RefObject<HTMLDivElement | null>, first: string | undefined) {
  const last = useRef<{ first: string | undefined; height: number; top: number }>({ first, height: 0, top: 0 })
  useLayoutEffect(() => {
    const box = scroller.current
    if (!box) return
    const { first: former, height, top } = last.current
    const anchored = CSS.supports('overflow-anchor', 'auto') && top > 0
    if (former && former !== first && !anchored && box.scrollTop === top) box.scrollBy(0, box.scrollHeight - height)
    last.current = { first, height: box.scrollHeight, top: box.scrollTop }
  })
}
