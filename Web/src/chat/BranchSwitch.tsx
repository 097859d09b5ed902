import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import type { Message } from './model'

/** `‹ 2/3 ›`: the versions of a question, the answers to one. */
export function BranchSwitch({ message, onShow, disabled }: { message: Message; onShow: (message: string) => void; disabled?: boolean }) {
  const { t } = useTranslation('chat')
  const siblings = message.sibling_ids
  const at = siblings.indexOf(message.id)
  if (siblings.length < 2 || at < 0) return null
  const numbers = { number: at + 1, count: siblings.length }
  return (
    <span role="group" aria-label={t('chat:branch.versions')} className="inline-flex items-center text-sm text-muted">
      <IconButton label={t('chat:branch.before')} disabled={disabled || at === 0} onClick={() => onShow(siblings[at - 1]!)} className="size-8">
        <ChevronLeft aria-hidden />
      </IconButton>
      <span aria-hidden className="tabular-nums">
        {t('chat:branch.position', numbers)}
      </span>
      <span className="sr-only">{t('chat:branch.positionWords', numbers)}</span>
      <IconButton label={t('chat:branch.after')} disabled={disabled || at === siblings.length - 1} onClick={() => onShow(siblings[at + 1]!)} className="size-8">
        <ChevronRight aria-hidden />
      </IconButton>
    </span>
  )
}
