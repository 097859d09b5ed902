import { useQueryClient } from '@tanstack/react-query'
import { memo, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { useStream } from '@/events/useStream'
import { Markdown } from '@/markdown/Markdown'
import type { Answer } from '@/stream/answer'
import { answerStore } from '@/stream/answers'
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

/** An answer. One that is being written comes from the stream; at its end it stays the same element, so nothing moves. */
export const AnswerView = memo(function AnswerView(props: AnswerProps) {
  const { conversation, message } = props
  const answer = useRunning(message)
  useEnd(conversation, message, answer)
  const shown: Message = answer
    ? { ...message, content: answer.text, help: answer.help, sources: answer.sources, status: answer.status, finish_reason: answer.finish_reason, error: answer.error, grounding: answer.grounding }
    : message
  const busy = answer !== null && answer.phase !== 'ended'
  return (
    <AnswerFrame message={shown} busy={busy}>
      {busy ? (
        <AnswerState answer={answer} />
      ) : (
        <>
          <AnswerEnd {...props} message={shown} />
          <AnswerActions {...props} message={shown} />
        </>
      )}
    </AnswerFrame>
  )
})

const never = () => () => {}
const nothing = () => null

/** An answer that is being written, as far as it has come; null: it has ended, and is as it was stored. */
function useRunning(message: Message): Answer | null {
  const stream = useStream()
  const running = message.status === 'streaming'
  const store = useMemo(
    () =>
      running && stream
        ? answerStore(stream, message.id, { text: message.content, bytes: byteLength(message.content), help: message.help ?? null, phase: message.content ? 'streaming' : 'waiting' })
        : null,
    // What the message has later is what the store already has.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [stream, running, message.id],
  )
  return useSyncExternalStore<Answer | null>(store?.subscribe ?? never, store?.get ?? nothing)
}

/** Writes the end of an answer into the branch. */
function useEnd(conversation: string, { id, status }: Message, answer: Answer | null): void {
  const queries = useQueryClient()
  useEffect(() => {
    if (status !== 'streaming' || answer?.phase !== 'ended') return
    // The gateway could not read it: what is stored says why.
    if (answer.error?.code === 'message_not_found') void refreshTail(queries, conversation).catch(() => {})
    else changeBranch(queries, conversation, branch => branch && withEnded(branch, id, answer, new Date().toISOString()))
  }, [answer, queries, conversation, id, status])
}

function AnswerFrame({ message, busy, children }: { message: Message; busy: boolean; children: React.ReactNode }) {
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
      {message.content && <Markdown text={message.content} streaming={busy} onCite={sources > 0 ? setOpen : undefined} sources={sources} />}
      {!busy && <SourceChips message={message} onOpen={setOpen} />}
      {children}
      <SourcePanel source={source} onClose={() => setOpen(null)} />
    </article>
  )
}
