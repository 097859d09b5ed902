import type { Schema } from '@/api/types'

export type Policy = Schema['SafetyPolicy']

/** A policy as a form has it: every field there, word lists as text, a line each. */
export interface PolicyFields {
  questions: boolean
  answers: boolean
  by: NonNullable<Policy['by']>
  words: string
  whenUnavailable: NonNullable<Policy['when_unavailable']>
  helpText: string
  helpContact: string
  blockSelfHarm: boolean
  tell: readonly string[]
  consent: boolean
}

export const fieldsOf = (policy: Policy): PolicyFields => ({
  questions: policy.questions ?? false,
  answers: policy.answers ?? false,
  by: policy.by ?? 'words',
  words: (policy.words ?? []).join('\n'),
  whenUnavailable: policy.when_unavailable ?? 'refuse',
  helpText: policy.help?.text ?? '',
  helpContact: policy.help?.contact ?? '',
  blockSelfHarm: policy.block_self_harm ?? false,
  tell: policy.tell ?? [],
  consent: policy.guardian_consent_required ?? false,
})

export const wordsOf = (text: string): string[] => [...new Set(text.split(/\n/).map(line => line.trim()).filter(Boolean))]

/** The limits of the API: 500 words of 64 characters. */
export const faultOf = (words: readonly string[]): 'many' | 'long' | null => (words.length > 500 ? 'many' : words.some(word => word.length > 64) ? 'long' : null)

export const policyOf = (fields: PolicyFields): Policy => {
  const words = wordsOf(fields.words)
  const help = fields.helpText.trim()
  return {
    questions: fields.questions,
    answers: fields.answers,
    by: fields.by,
    words: words.length > 0 ? words : null,
    when_unavailable: fields.whenUnavailable,
    // Without help nobody looks for signs of self-harm: nothing can be refused because of them.
    help: help ? { text: help, contact: fields.helpContact.trim() || null } : null,
    block_self_harm: help ? fields.blockSelfHarm : false,
    tell: help && fields.tell.length > 0 ? [...fields.tell] : null,
    guardian_consent_required: fields.consent,
  }
}
