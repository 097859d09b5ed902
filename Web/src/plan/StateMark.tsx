import { CheckCircle2, Circle, CircleCheck, CircleDot } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { cx } from '@/ui/class'
import type { State } from './state'

const icons = { mastered: CheckCircle2, known: CircleCheck, learning: CircleDot, not_started: Circle }

/** A concept's state as a sign; the word stands beside it, or is read out. */
export function StateMark({ state, silent = false }: { state: State; silent?: boolean }) {
  const { t } = useTranslation('plan')
  const Icon = icons[state]
  const colour = state === 'mastered' || state === 'known' ? 'text-good' : state === 'learning' ? 'text-accent' : 'text-faint'
  const look = cx('size-4.5 shrink-0', colour)
  return silent ? <Icon aria-hidden className={look} /> : <Icon role="img" aria-label={t(`plan:state.${state}`)} className={look} />
}
