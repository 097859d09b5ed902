import type { Schema } from '@/api/types'
import type { Answer, AnswerSource, Help } from '@/stream/answer'

export type Message = Omit<Schema['MessageView'], 'sources' | 'error' | 'help' | 'usage' | 'images'> &
  Pick<Answer, 'error' | 'help' | 'usage'> & { sources?: AnswerSource[] | null; images?: QuestionImage[] | null }

/** An image of a question; its size is known once the server has told it. */
export type QuestionImage = Pick<Schema['ImageView'], 'id'> & Partial<Pick<Schema['ImageView'], 'width' | 'height'>>
export type Conversation = Schema['ConversationView']
export type { AnswerSource, Help }

/** Messages of the branch that is shown, from some message to its end. */
export interface Branch {
  messages: Message[]
  /** `before` of the page before; null: the first message is here. */
  previous_cursor: string | null
}

/** How a question is asked. */
export interface Manner {
  tutor_id: number | null
  kb_id: string | null
  mode: 'guide' | 'answer' | null
  reading_level: 'simple' | 'standard' | 'advanced' | null
  language: string | null
  /** Of a plan: what is asked counts as talk about it. */
  concept_id: string | null
}

export const plainManner: Manner = { tutor_id: null, kb_id: null, mode: null, reading_level: null, language: null, concept_id: null }

/** How the newest answer of a branch was asked for: the next question is asked alike. */
export function mannerOf(messages: readonly Message[]): Manner | null {
  const answer = messages.findLast(message => message.role === 'assistant')
  if (!answer) return null
  return {
    tutor_id: answer.tutor_id ?? null,
    kb_id: answer.tutor_id ? null : (answer.kb_id ?? null),
    mode: (answer.mode as Manner['mode']) ?? null,
    reading_level: (answer.reading_level as Manner['reading_level']) ?? null,
    language: answer.language ?? null,
    concept_id: answer.concept_id ?? null,
  }
}

/** The branch after its end was read anew. Where the two do not meet, only what was read is kept. */
export function withTail(branch: Branch | undefined, tail: Branch): Branch {
  const first = tail.messages[0]
  if (!branch || !first) return tail
  let at = branch.messages.findIndex(message => message.id === first.id)
  if (at < 0) at = branch.messages.findIndex(message => message.id === first.parent_id) + 1 || -1
  if (at <= 0) return tail
  return { messages: [...branch.messages.slice(0, at), ...tail.messages], previous_cursor: branch.previous_cursor }
}

const blank = {
  finish_reason: null,
  usage: null,
  error: null,
  sources: null,
  help: null,
  feedback: null,
  thinking: null,
  grounding: null,
  moderation: null,
} as const

/** The branch with a question that was asked and its answer that begins. `edited`: the question that it stands beside; `regenerated`: the answer. */
export function withAsked(
  branch: Branch | undefined,
  started: { message_id: string; question_id: string },
  asked: { text: string | null; edited: string | null; manner: Manner; regenerated: string | null; images?: string[] },
  at: string,
): Branch {
  const before = branch ?? { messages: [], previous_cursor: null }
  if (before.messages.some(message => message.id === started.message_id)) return before
  const answer = (siblings: string[]): Message => ({
    ...blank,
    id: started.message_id,
    role: 'assistant',
    content: '',
    status: 'streaming',
    created_at: at,
    completed_at: null,
    parent_id: started.question_id,
    sibling_ids: [...siblings, started.message_id],
    ...asked.manner,
  })
  if (asked.regenerated !== null) {
    const index = before.messages.findIndex(message => message.id === asked.regenerated)
    const kept = index < 0 ? before.messages : before.messages.slice(0, index)
    return { ...before, messages: [...kept, answer(before.messages[index]?.sibling_ids ?? [])] }
  }
  const edited = before.messages.find(message => message.id === asked.edited)
  const kept = edited ? before.messages.slice(0, before.messages.indexOf(edited)) : before.messages
  const question: Message = {
    ...blank,
    id: started.question_id,
    role: 'user',
    content: asked.text ?? '',
    status: 'complete',
    created_at: at,
    completed_at: at,
    parent_id: edited ? (edited.parent_id ?? null) : (kept.at(-1)?.id ?? null),
    sibling_ids: [...(edited?.sibling_ids ?? []), started.question_id],
    images: asked.images?.map(id => ({ id })) ?? edited?.images ?? null,
  }
  return { ...before, messages: [...kept, question, answer([])] }
}

/** The branch with an answer that has ended. */
export const withEnded = (branch: Branch, id: string, answer: Answer, at: string): Branch => ({
  ...branch,
  messages: branch.messages.map(message =>
    message.id !== id
      ? message
      : {
          ...message,
          content: answer.text,
          status: answer.status,
          finish_reason: answer.finish_reason,
          error: answer.error,
          help: answer.help ?? message.help,
          sources: answer.sources,
          grounding: answer.grounding,
          moderation: answer.moderation,
          usage: answer.usage,
          completed_at: at,
        },
  ),
})
