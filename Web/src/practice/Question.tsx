import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Markdown } from '@/markdown/Markdown'
import { Button } from '@/ui/button'
import { TextArea, TextField } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'
import type { Item } from './api'
import { Choices } from './Choices'
import { Result } from './Result'
import type { Round } from './round'
import type { Answer, Grade } from './useRound'

interface QuestionProps {
  item: Item
  round: Round
  last: boolean
  onSend: (answer: Answer) => void
  onGrade: (grade: Grade) => void
  onNext: () => void
}

/** One question: its answer, then what is right and why. Enter goes on in each state. */
export function Question({ item, round, last, onSend, onGrade, onNext }: QuestionProps) {
  const { t } = useTranslation('practice')
  const [choice, setChoice] = useState<number | null>(null)
  const [text, setText] = useState('')
  const [missing, setMissing] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const question = useRef<HTMLDivElement>(null)
  const answered = round.phase === 'graded' || round.phase === 'ungraded' || round.phase === 'kept'
  const sending = round.phase === 'sending'

  // A new question takes the focus: its field, or its text.
  useEffect(() => {
    const field = form.current?.querySelector<HTMLElement>('textarea, input:not([type="radio"])')
    ;(field ?? question.current)?.focus({ preventScroll: true })
  }, [])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (sending || answered) return
    if (item.kind === 'choice' ? choice === null : text.trim() === '') return setMissing(true)
    setMissing(false)
    onSend(item.kind === 'choice' ? { choice: choice! } : { answer: text.trim() })
  }

  return (
    <form ref={form} onSubmit={submit} className="flex flex-col gap-5" noValidate>
      <div ref={question} tabIndex={-1} className="text-lg leading-relaxed font-medium outline-none">
        <Markdown text={item.kind === 'cloze' ? item.question.replaceAll('____', '\\_\\_\\_\\_') : item.question} level={2} />
      </div>
      {item.kind === 'choice' ? (
        <Choices
          options={item.options ?? []}
          value={choice}
          right={answered && round.attempt ? (round.attempt.solution.choice ?? null) : null}
          done={answered || sending}
          onChange={value => {
            setChoice(value)
            setMissing(false)
          }}
        />
      ) : item.kind === 'cloze' ? (
        <TextField
          label={t('practice:answer.cloze')}
          value={text}
          onChange={event => setText(event.target.value)}
          readOnly={answered || sending}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={2000}
        />
      ) : (
        <TextArea
          label={t('practice:answer.short')}
          hint={t('practice:answer.hint')}
          value={text}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            form.current?.requestSubmit()
          }}
          readOnly={answered || sending}
          maxLength={4000}
        />
      )}
      {missing && (
        <p role="alert" className="text-sm text-bad">
          {item.kind === 'choice' ? t('practice:answer.choose') : t('practice:answer.write')}
        </p>
      )}
      <ProblemNotice error={round.error} />
      {!answered && (
        <div className="flex flex-wrap gap-2">
          <Button type="submit" kind="primary" busy={sending}>
            {t('practice:answer.check')}
          </Button>
          {!!round.error && <Button onClick={onNext}>{t('practice:answer.skip')}</Button>}
        </div>
      )}
      {answered && <Result item={item} round={round} onGrade={onGrade} onNext={onNext} last={last} />}
    </form>
  )
}
