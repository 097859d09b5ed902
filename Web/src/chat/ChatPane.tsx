import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { ArrowDown, ImagePlus } from 'lucide-react'
import { useCallback, useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import { useConnection } from '@/events/useConnection'
import { Button, buttonStyle, IconButton } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Notice } from '@/ui/notice'
import { ProblemNotice, problemWords } from '@/ui/problem'
import { say } from '@/ui/toast'
import { stopAnswer } from './api'
import { ChatHeader } from './ChatHeader'
import { Composer } from './Composer'
import { ConnectModel } from './ConnectModel'
import { ImageRow } from './ImageRow'
import { MannerRow } from './MannerRow'
import type { Manner, Message } from './model'
import { NewChat } from './NewChat'
import { isPending, usePending, type Pending } from './pending'
import { SignInAgain } from './SignInAgain'
import { Thread } from './Thread'
import { useAnnouncements } from './useAnnouncements'
import { useAsk } from './useAsk'
import { useShowBranch } from './useBranches'
import { useChatKeys } from './useChatKeys'
import { useIsGone } from './useConversations'
import { useImages } from './useImages'
import { useLinked } from './useLinked'
import { useManner } from './useManner'
import { useMessages } from './useMessages'
import { useScroll } from './useScroll'

interface PaneProps {
  person: string
  /** Null: a new one. */
  conversation: string | null
  /** What the composer has at first, and whom it asks. */
  begin: { text?: string; send?: boolean; manner: Partial<Manner> }
}

/** A conversation: its messages, and the composer. */
export function ChatPane({ person, conversation, begin }: PaneProps) {
  const { t } = useTranslation('chat')
  const { query, messages, hasEarlier, loadEarlier, loading, fault } = useMessages(conversation)
  const pending = usePending(conversation)
  const { send, again, cancel } = useAsk(conversation)
  const [manner, changeManner] = useManner(person, messages, begin.manner)
  const { scroller, content, atEnd, toEnd } = useScroll(conversation)
  const showBranch = useShowBranch(conversation ?? '')
  const images = useImages()
  const connection = useConnection()
  const said = useAnnouncements(messages, connection)
  const model = useQuery(capabilitiesQuery).data?.model
  const [stopping, setStopping] = useState<string | null>(null)
  const navigate = useNavigate()
  const isGone = useIsGone(conversation)
  useChatKeys(toEnd)
  useLinked({ conversation, messages, hasEarlier, loadEarlier, loading, showBranch })

  const running = messages.find(message => message.status === 'streaming') ?? null
  const onItsWay = pending !== null && pending.state !== 'refused'
  const locked = running !== null || onItsWay

  const askWith = (text: string) => {
    void send({ text, manner, images: images.images.flatMap(({ id }) => id ?? []) })
    images.clear()
    requestAnimationFrame(toEnd)
  }
  const sendAtOnce = useEffectEvent(() => {
    if (!begin.send || !begin.text || isPending(person, conversation)) return
    askWith(begin.text)
    // A reload asks nothing again.
    void navigate({ to: '/c', search: {}, replace: true })
  })
  useEffect(() => sendAtOnce(), [])

  const stop = async () => {
    if (!running || stopping === running.id) return
    setStopping(running.id)
    try {
      await stopAnswer(running.id)
    } catch (error) {
      say(problemWords(error, t))
      setStopping(null)
    }
  }
  // The views of messages are not made again for each key in the composer: their callbacks stay.
  const latest = useRef({ send, manner, conversation })
  useLayoutEffect(() => void (latest.current = { send, manner, conversation }))
  const onEdit = useCallback((message: Message, text: string) => {
    const { send, manner, conversation } = latest.current
    void send({ text, manner, edited: message.id, parent_id: message.parent_id ?? conversation })
  }, [])
  const onRegenerate = useCallback((message: Message) => void latest.current.send({ text: null, manner: latest.current.manner, regenerated: message.id }), [])
  const goOn = t('chat:end.continueQuestion')
  const onContinue = useCallback(() => void latest.current.send({ text: goOn, manner: latest.current.manner }), [goOn])
  const onShow = useCallback((message: string) => showBranch(message), [showBranch])
  const onCancel = useCallback((one: Pending) => cancel(one), [cancel])

  const empty = messages.length === 0 && !onItsWay && (conversation === null || query.isSuccess)
  return (
    <section aria-label={t('chat:title')} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <ChatHeader conversation={conversation} />
      <SignInAgain />
      <div ref={scroller} tabIndex={-1} className="relative min-h-0 flex-1 overflow-y-auto overscroll-contain outline-none">
        <div ref={content} className="mx-auto w-full max-w-read px-4 pt-6 sm:px-6">
          {conversation !== null && query.isPending && !onItsWay && <Loading />}
          {query.isError && messages.length === 0 && !isGone && <ProblemNotice error={query.error} />}
          {empty && <NewChat onPick={askWith} />}
          <Thread
            conversation={conversation ?? ''}
            {...{ messages, pending, locked, scroller, hasEarlier, loading, fault, loadEarlier, onEdit, onRegenerate, onContinue, onShow, onCancel }}
          />
        </div>
      </div>
      <div className="relative mx-auto w-full max-w-read px-3 pb-3 sm:px-6">
        {!atEnd && (
          <button
            type="button"
            onClick={toEnd}
            className="absolute -top-12 left-1/2 flex min-h-9 -translate-x-1/2 items-center gap-1.5 rounded-full border border-line bg-raised px-4 text-sm shadow-overlay hover:bg-hover"
          >
            <ArrowDown aria-hidden className="size-4" />
            {t('chat:newest')}
          </button>
        )}
        {pending?.state === 'refused' && (
          <div className="mb-2 flex flex-col gap-2">
            <ProblemNotice error={pending.problem} />
            {(pending.regenerated !== null || pending.edited !== null) && (
              <div className="flex gap-2">
                <Button onClick={() => void again(pending)}>{t('chat:pending.again')}</Button>
                <Button kind="quiet" onClick={() => cancel(pending)}>
                  {t('chat:pending.dismiss')}
                </Button>
              </div>
            )}
          </div>
        )}
        {connection === 'broken' && !running && !onItsWay && <p className="mb-2 text-sm text-warn">{t('chat:answer.reconnecting')}</p>}
        {isGone ? (
          <Notice kind="warn" role="status" className="flex flex-wrap items-center justify-between gap-3">
            <p>{t('chat:gone')}</p>
            <Link to="/c" search={{}} className={buttonStyle()}>
              {t('chat:new.heading')}
            </Link>
          </Notice>
        ) : (
          <Composer
            key={conversation ?? 'new'}
            person={person}
            conversation={conversation}
            initial={begin.send ? undefined : begin.text}
            focused
            running={running !== null}
            busy={onItsWay}
            canSend={images.images.every(({ id }) => id !== null)}
            onSend={askWith}
            onStop={() => void stop()}
            onFiles={files => void images.add(files)}
            above={<ImageRow images={images.images} refusal={images.refusal} onRemove={images.remove} />}
            attach={images.most > 0 && <AttachButton onFiles={files => void images.add(files)} />}
            options={<MannerRow manner={manner} onChange={changeManner} />}
          />
        )}
        {model && model.kind !== 'model' && (
          <div className="mt-2 flex flex-wrap items-baseline gap-x-2 px-1 text-sm text-muted">
            <p>{model.kind === 'none' ? t('chat:model.none') : t('chat:model.primer')}</p>
            <ConnectModel />
          </div>
        )}
      </div>
      <p role="status" className="sr-only">
        {said}
      </p>
    </section>
  )
}

function AttachButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  const { t } = useTranslation('chat')
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <IconButton label={t('chat:image.add')} onClick={() => input.current?.click()}>
        <ImagePlus aria-hidden />
      </IconButton>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        onChange={event => {
          onFiles([...(event.target.files ?? [])])
          event.target.value = ''
        }}
      />
    </>
  )
}
