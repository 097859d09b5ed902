import { useTranslation } from 'react-i18next'
import type { AnswerSource, Message } from './model'

/** The document's name and page. */
export function useSourceName() {
  const { t } = useTranslation('chat')
  return ({ source, title, page }: AnswerSource): string => {
    const name = source || title || t('chat:source.unnamed')
    return page ? t('chat:source.page', { name, page }) : name
  }
}

/** What the answer cites. */
export function SourceChips({ message, onOpen }: { message: Message; onOpen: (number: number) => void }) {
  const { t } = useTranslation('chat')
  const nameOf = useSourceName()
  const cited = message.sources?.filter(source => source.cited) ?? []
  if (message.grounding === 'nothing_found') return <p className="mt-3 text-sm text-muted">{t('chat:source.nothingFound')}</p>
  if (message.grounding === 'unavailable') return <p className="mt-3 text-sm text-muted">{t('chat:source.unavailable')}</p>
  if (cited.length === 0) return null
  return (
    <ul aria-label={t('chat:source.list')} className="mt-3 flex flex-wrap gap-1.5">
      {cited.map(source => (
        <li key={source.number} className="max-w-full">
          <button
            type="button"
            onClick={() => onOpen(source.number)}
            className="flex min-h-8 max-w-full items-center gap-1.5 rounded-full border border-line bg-raised px-3 text-sm text-muted hover:border-edge hover:text-ink"
          >
            <span className="font-semibold text-accent">{source.number}</span>
            <span className="max-w-64 truncate">{nameOf(source)}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
