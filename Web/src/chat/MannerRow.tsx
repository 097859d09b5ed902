import { useQuery } from '@tanstack/react-query'
import { ChevronDown, SlidersHorizontal } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { SelectField } from '@/ui/field'
import type { Manner } from './model'
import { knowledgeBasesQuery, usableTutorsQuery } from './tutors'

interface MannerProps {
  manner: Manner
  onChange: (change: Partial<Manner>) => void
}

interface Choice {
  label: string
  value: string
  choose: (value: string) => void
  options: ReactNode
  /** The chosen option in words, where it is not the usual. */
  words: string | null
}

/** Tutor, way, level and language of the next answer: a row of small selects; on a phone one button and a window. */
export function MannerRow(props: MannerProps) {
  const { t } = useTranslation('chat')
  const [open, setOpen] = useState(false)
  const choices = useChoices(props)
  const words = choices.map(choice => choice.words).filter(Boolean)
  return (
    <>
      <div className="hidden flex-wrap gap-x-1 md:flex">
        {choices.map(choice => (
          <span key={choice.label} className="relative inline-flex max-w-48 items-center">
            <select
              aria-label={choice.label}
              title={choice.label}
              value={choice.value}
              onChange={event => choice.choose(event.target.value)}
              className="field-sizing-content min-h-8 max-w-full appearance-none truncate rounded-control bg-transparent ps-2 pe-6 text-sm text-muted hover:bg-hover hover:text-ink"
            >
              {choice.options}
            </select>
            <ChevronDown aria-hidden className="pointer-events-none absolute end-1.5 size-3.5 text-muted" />
          </span>
        ))}
      </div>
      <button type="button" onClick={() => setOpen(true)} className="flex min-h-10 max-w-full items-center gap-2 rounded-control px-2 text-sm text-muted hover:bg-hover md:hidden">
        <SlidersHorizontal aria-hidden className="size-4 shrink-0" />
        <span className="truncate">{words.length > 0 ? words.join(' · ') : t('chat:manner.title')}</span>
      </button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('chat:manner.title')}>
        <div className="flex flex-col gap-4">
          {choices.map(choice => (
            <SelectField key={choice.label} label={choice.label} value={choice.value} onChange={event => choice.choose(event.target.value)}>
              {choice.options}
            </SelectField>
          ))}
          <Button kind="primary" onClick={() => setOpen(false)}>
            {t('chat:manner.done')}
          </Button>
        </div>
      </Dialog>
    </>
  )
}

function useChoices({ manner, onChange }: MannerProps): Choice[] {
  const { t } = useTranslation('chat')
  const me = useQuery(meQuery).data
  const tutors = useQuery(usableTutorsQuery).data ?? []
  const bases = useQuery({ ...knowledgeBasesQuery, enabled: me?.scopes.includes('tutors') ?? false }).data ?? []
  const tutor = tutors.find(one => one.id === manner.tutor_id)
  const who = manner.tutor_id !== null ? `tutor ${manner.tutor_id}` : manner.kb_id !== null ? `kb ${manner.kb_id}` : ''
  const levels = { simple: t('chat:manner.simple'), standard: t('chat:manner.standard'), advanced: t('chat:manner.advanced') }
  const languages = { en: 'English', 'zh-Hans': '简体中文' }
  const choices: Choice[] = []
  if (tutors.length > 0 || bases.length > 0 || who)
    choices.push({
      label: t('chat:manner.who'),
      value: who,
      choose: value => {
        const [kind, ...name] = value.split(' ')
        onChange({ tutor_id: kind === 'tutor' ? Number(name[0]) : null, kb_id: kind === 'kb' ? name.join(' ') : null })
      },
      words: tutor?.name ?? bases.find(one => one.kb_id === manner.kb_id)?.title ?? null,
      options: (
        <>
          <option value="">{t('chat:manner.noTutor')}</option>
          {tutors.length > 0 && (
            <optgroup label={t('chat:manner.tutors')}>
              {tutors.map(one => (
                <option key={one.id} value={`tutor ${one.id}`}>
                  {one.name}
                </option>
              ))}
            </optgroup>
          )}
          {bases.length > 0 && (
            <optgroup label={t('chat:manner.bases')}>
              {bases.map(one => (
                <option key={one.kb_id} value={`kb ${one.kb_id}`}>
                  {one.title}
                </option>
              ))}
            </optgroup>
          )}
          {who && !tutor && !bases.some(one => one.kb_id === manner.kb_id) && <option value={who}>{manner.kb_id ?? t('chat:manner.otherTutor')}</option>}
        </>
      ),
    })
  const locked = tutor?.mode === 'guide'
  choices.push({
    label: t('chat:manner.way'),
    value: locked ? 'guide' : (manner.mode ?? ''),
    choose: value => onChange({ mode: (value || null) as Manner['mode'] }),
    words: locked || manner.mode === 'guide' ? t('chat:manner.guide') : manner.mode === 'answer' ? t('chat:manner.answer') : null,
    options: locked ? (
      <option value="guide">{t('chat:manner.guide')}</option>
    ) : (
      <>
        <option value="">{t('chat:manner.anyWay')}</option>
        <option value="guide">{t('chat:manner.guide')}</option>
        <option value="answer">{t('chat:manner.answer')}</option>
      </>
    ),
  })
  choices.push({
    label: t('chat:manner.level'),
    value: manner.reading_level ?? '',
    choose: value => onChange({ reading_level: (value || null) as Manner['reading_level'] }),
    words: manner.reading_level ? levels[manner.reading_level] : null,
    options: (
      <>
        <option value="">{t('chat:manner.anyLevel')}</option>
        {Object.entries(levels).map(([level, words]) => (
          <option key={level} value={level}>
            {words}
          </option>
        ))}
      </>
    ),
  })
  choices.push({
    label: t('chat:manner.language'),
    value: manner.language ?? '',
    choose: value => onChange({ language: value || null }),
    words: manner.language ? (languages[manner.language as keyof typeof languages] ?? manner.language) : null,
    options: (
      <>
        <option value="">{t('chat:manner.anyLanguage')}</option>
        {Object.entries(languages).map(([tag, words]) => (
          <option key={tag} value={tag}>
            {words}
          </option>
        ))}
        {manner.language && !(manner.language in languages) && <option value={manner.language}>{manner.language}</option>}
      </>
    ),
  })
  return choices
}
