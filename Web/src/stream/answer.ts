import type { Schema } from '@/api/types'
import type { AnswerEvent } from './protocol'
import { newPart } from './utf8'

export type Phase = 'waiting' | 'thinking' | 'streaming' | 'reconnecting' | 'ended'

/** A source that an answer was given (docs/chat.md). `text`: as it was then. */
export interface AnswerSource {
  number: number
  id: string
  title?: string | null
  source?: string | null
  text?: string | null
  cited?: boolean
  kb_id?: string | null
  document_id?: string | null
  page?: number | null
  /** UTF-16 units of the document's content. */
  offset?: number | null
  length?: number | null
}

export interface Help {
  text?: string | null
  contact?: string | null
}

/** An answer as far as it has come. Never changed: each event makes another. */
export interface Answer {
  text: string
  /** UTF-8 bytes of `text`: the cursor. */
  bytes: number
  phase: Phase
  /** `streaming` until its end, then as in docs/chat.md. */
  status: string
  finish_reason: string | null
  /** A problem document beside the text. */
  error: Partial<Schema['Problem']> | null
  help: Help | null
  /** Bytes of the model's reasoning. */
  thinking: number
  sources: AnswerSource[] | null
  grounding: string | null
  moderation: string | null
  usage: Record<string, unknown> | null
}

export const emptyAnswer: Answer = {
  text: '',
  bytes: 0,
  phase: 'waiting',
  status: 'streaming',
  finish_reason: null,
  error: null,
  help: null,
  thinking: 0,
  sources: null,
  grounding: null,
  moderation: null,
  usage: null,
}

/** The answer after an event. `gap`: text before it is missing, so it must be read again from `bytes`. An event that was seen changes nothing. */
export function after(answer: Answer, { event, id, data }: AnswerEvent): Answer | 'gap' {
  if (answer.phase === 'ended') return answer
  switch (event) {
    case 'start': {
      const { grounding = null, sources = null } = data as Partial<Answer>
      return { ...answer, grounding, sources: sources ?? answer.sources }
    }
    case 'help':
      return { ...answer, help: data as Help }
    case 'thinking':
      return { ...answer, thinking: (data as { length: number }).length, phase: answer.text ? 'streaming' : 'thinking' }
    case 'delta': {
      const { text, gap } = newPart((data as { text: string }).text, Number(id), answer.bytes)
      if (gap) return 'gap'
      return text ? { ...answer, text: answer.text + text, bytes: Number(id), phase: 'streaming' } : answer
    }
    case 'end': {
      const end = data as Partial<Answer>
      return {
        ...answer,
        phase: 'ended',
        status: end.status ?? 'complete',
        finish_reason: end.finish_reason ?? null,
        sources: end.sources ?? answer.sources,
        grounding: end.grounding ?? answer.grounding,
        moderation: end.moderation ?? null,
        usage: end.usage ?? null,
        error: end.error ?? null,
      }
    }
    case 'error':
      return { ...answer, phase: 'ended', status: 'failed', error: data as Answer['error'] }
    default:
      return answer
  }
}
