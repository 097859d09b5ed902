import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Markdown } from '@/markdown/Markdown'
import { Button } from '@/ui/button'
import { cx } from '@/ui/class'
import { PathLink } from '@/ui/pathlink'
import { inDays } from '@/ui/time'
import type { Attempt, Item } from './api'
import { outcomeOf, type Round } from './round'
import type { Grade } from './useRound'

interface ResultProps {
  item: Item
  round: Round
  last: boolean
  onGrade: (grade: Grade) => void
  onNext: () => void
}

const colours = { correct: 'text-good', partial: 'text-warn', wrong: 'text-bad' }

/** What an answer was, why, and where it stands. The button that goes on has the focus: Enter presses it. */
export function Result({ item, round, last, onGrade, onNext }: ResultProps) {
  const { t } = useTranslation('practice')
  const go = useRef<HTMLButtonElement>(null)
  const { attempt, phase } = round
  useEffect(() => go.current?.focus({ preventScroll: true }), [phase])

  const next = (
    <div>
      <Button ref={go} kind="primary" onClick={onNext}>
        {last ? t('practice:round.finish') : t('practice:round.next')}
      </Button>
    </div>
  )
  if (phase === 'kept' || !attempt)
    return (
      <>
        <p role="status" className="rounded-control bg-tint px-4 py-3 text-sm">
          {t('practice:outbox.kept')}
        </p>
        {next}
      </>
    )
  const outcome = phase === 'graded' ? outcomeOf(attempt) : null
  return (
    <>
      <div className="flex flex-col gap-4 border-t border-line pt-5">
        <div role="status">
          {outcome && <p className={cx('font-semibold', colours[outcome])}>{t(`practice:result.${outcome}`)}</p>}
          {!outcome && <p className="font-semibold">{t('practice:result.yourself')}</p>}
          {attempt.feedback && <p className="mt-1">{attempt.feedback}</p>}
          {item.kind !== 'choice' && attempt.solution.answers.length > 0 && outcome !== 'correct' && (
            <p className="mt-1">{t('practice:result.answer', { answer: attempt.solution.answers.join(' / ') })}</p>
          )}
        </div>
        {!outcome && attempt.solution.rubric && <p className="text-sm text-muted">{attempt.solution.rubric}</p>}
        {attempt.solution.explanation && <Markdown text={attempt.solution.explanation} />}
        <Source item={item} solution={attempt.solution} />
        {outcome && <p className="text-sm text-muted">{attempt.counted ? t('practice:result.next', { when: inDays(attempt.next_due) }) : t('practice:result.uncounted')}</p>}
      </div>
      {outcome ? next : <Grades onGrade={onGrade} />}
    </>
  )
}

/** The words that a question rests on, and where they stand. */
function Source({ item, solution }: { item: Item; solution: Attempt['solution'] }) {
  const { t } = useTranslation('practice')
  const source = solution.source ?? item.source
  if (!solution.quote && !source?.document) return null
  const name = [source?.document, source?.title].filter(Boolean).join(' · ')
  const place = item.task_id && item.concept_id ? `/plans/${item.task_id}?concept=${encodeURIComponent(item.concept_id)}` : null
  return (
    <figure className="rounded-control bg-sunk px-4 py-3 text-sm">
      {solution.quote && <blockquote className="whitespace-pre-wrap">{solution.quote}</blockquote>}
      {name && (
        <figcaption className="mt-2 text-muted first:mt-0">
          {t('practice:result.source')}{' '}
          {place ? (
            <PathLink href={place} className="underline">
              {name}
            </PathLink>
          ) : (
            name
          )}
        </figcaption>
      )}
    </figure>
  )
}

const grades = ['again', 'hard', 'good', 'easy'] as const

/** Where nobody can grade but the learner. 1-4 on the keyboard. */
function Grades({ onGrade }: { onGrade: (grade: Grade) => void }) {
  const { t } = useTranslation('practice')
  const group = useRef<HTMLDivElement>(null)
  useEffect(() => {
    group.current?.focus({ preventScroll: true })
    const onKey = (event: KeyboardEvent) => {
      const grade = grades[Number(event.key) - 1]
      if (!grade || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      onGrade(grade)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [onGrade])
  return (
    <div ref={group} tabIndex={-1} role="group" aria-label={t('practice:grade.title')} className="outline-none">
      <p className="mb-2 font-medium">{t('practice:grade.title')}</p>
      <div className="grid grid-cols-2 gap-2 sm:grid-cols-4">
        {grades.map((grade, index) => (
          <Button key={grade} onClick={() => onGrade(grade)}>
            <kbd aria-hidden className="hidden text-muted sm:inline">
              {index + 1}
            </kbd>
            {t(`practice:grade.${grade}`)}
          </Button>
        ))}
      </div>
    </div>
  )
}
