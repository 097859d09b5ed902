import { useQueryClient } from '@tanstack/react-query'
import { memo, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useAnswer } from '@/events/useAnswer'
import { useStream } from '@/events/useStream'
import { Markdown } from '@/markdown/Markdown'
import { answerStore, type AnswerStore } from '@/stream/answers'
import type { StreamClient } from '@/stream/client'
import { byteLength } from '@/stream/utf8'
import { AnswerActions } from './AnswerActions'
import { AnswerEnd } from './AnswerEnd'
import { AnswerState } from './AnswerState'
import { HelpCard } from './HelpCard'
import { withEnded, type Message } from './model'
import { SourceChips } from './SourceChips'
import { SourcePanel } from './SourcePanel'
import { changeBranch, refreshTail } from './useMessages'

export interface AnswerProps {
  conversation: string
  message: Message
  isLast: boolean
  locked: boolean
  onRegenerate: (message: Message) => void
  onContinue: () => void
  onShow: (message: string) => void
}

/** An answer: one that is being written comes from the stream, one that has ended is as it was stored. */
export const AnswerView = memo(function AnswerView(props: AnswerProps) {
  const stream = useStream()
  return props.message.status === 'streaming' && stream ? <RunningAnswer {...props} stream={stream} /> : <EndedAnswer {...props} />
})

function RunningAnswer({ stream, ...props }: AnswerProps & { stream: StreamClient }) {
  const { message } = props
  const store = useMemo(
    () => answerStore(stream, message.id, { text: message.content, bytes: byteLength(message.content), help: message.help ?? null, phase: message.content ? 'streaming' : 'waiting' }),
    // What the message has later is what the store already has.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [stream, message.id],
  )
  return <Following {...props} store={store} />
}

function Following({ store, conversation, message, ...rest }: AnswerProps & { store: AnswerStore }) {
  const queries = useQueryClient()
  const answer = useAnswer(store)
  useEffect(() => {
    if (answer.phase !== 'ended') return
    // The gateway could not read it: what is stored says why.
    if (answer.error?.code === 'message_not_found') void refreshTail(queries, conversation).catch(() => {})
    else changeBranch(queries, conversation, branch => branch && withEnded(branch, message.id, answer, new Date().toISOString()))
  }, [answer, queries, conversation, message.id])
  const shown: Message = { ...message, content: answer.text, help: answer.help, sources: answer.sources }
  return (
    <AnswerFrame message={shown} streaming busy={answer.phase !== 'ended'}>
      {answer.phase !== 'ended' && <AnswerState answer={answer} />}
      {answer.phase === 'ended' && <AnswerEnd {...rest} conversation={conversation} message={{ ...shown, status: answer.status, finish_reason: answer.finish_reason, error: answer.error }} />}
    </AnswerFrame>
  )
}

function EndedAnswer(props: AnswerProps) {
  const { message, conversation } = props
  return (
    <AnswerFrame message={message}>
      <AnswerEnd {...props} />
      <AnswerActions {...props} conversation={conversation} />
    </AnswerFrame>
  )
}

function AnswerFrame({ message, streaming = false, busy = false, children }: { message: Message; streaming?: boolean; busy?: boolean; children: React.ReactNode }) {
  const { t } = useTranslation('chat')
  const [open, setOpen] = useState<number | null>(null)
  const sources = message.sources?.length ?? 0
  const source = message.sources?.find(one => one.number === open) ?? null
  return (
    <article id={`m-${message.id}`} tabIndex={-1} aria-labelledby={`h-${message.id}`} aria-busy={busy || undefined} className="group pb-8 outline-none">
      <h2 id={`h-${message.id}`} className="sr-only">
        {t('chat:answer.heading')}
      </h2>
      {message.help && <HelpCard help={message.help} />}
      {message.content && <Markdown text={message.content} streaming={streaming && busy} onCite={sources > 0 ? setOpen : undefined} sources={sources} />}
      {!busy && <SourceChips message={message} onOpen={setOpen} />}
      {children}
      <SourcePanel source={source} onClose={() => setOpen(null)} />
    </article>
  )
}
