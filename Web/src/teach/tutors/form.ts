import type { Schema } from '@/api/types'
import type { Tutor } from './queries'

/** What a person types about a tutor. `mode` is true where the tutor always guides and never just tells. */
export interface TutorForm {
  name: string
  subject: string
  language: string
  instructions: string
  voice: string
  kbId: string
  guides: boolean
}

export const emptyForm = (language: string): TutorForm => ({ name: '', subject: '', language, instructions: '', voice: '', kbId: '', guides: true })

export const formOf = (tutor: Tutor): TutorForm => ({
  name: tutor.name,
  subject: tutor.subject,
  language: tutor.language,
  instructions: tutor.instructions,
  voice: tutor.voice ?? '',
  kbId: tutor.kb_id ?? '',
  guides: tutor.mode === 'guide',
})

export const requestOf = (form: TutorForm): Schema['TutorRequest'] => ({
  name: form.name.trim(),
  subject: form.subject.trim(),
  language: form.language,
  instructions: form.instructions.trim(),
  voice: form.voice.trim() || null,
  kb_id: form.kbId || null,
  mode: form.guides ? 'guide' : null,
})

const common = ['en', 'zh', 'de', 'fr', 'es', 'it', 'pt', 'ru', 'uk', 'pl', 'tr', 'ar', 'fa', 'hi', 'id', 'vi', 'th', 'ja', 'ko']

/** A language's name in the page's language; what is no language tag stays as it is. */
export function languageName(shown: string, tag: string): string {
  try {
    return new Intl.DisplayNames(shown, { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag
  }
}

/** Languages to choose from; what a tutor already has is among them. */
export const languagesFor = (shown: string, present: string): { tag: string; name: string }[] =>
  [...new Set([...common, present].filter(Boolean))].map(tag => ({ tag, name: languageName(shown, tag) }))
