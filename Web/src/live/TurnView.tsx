import { useTranslation } from 'react-i18next'
import { Markdown } from '@/markdown/Markdown'
import { Notice } from '@/ui/notice'
import type { Citation, Turn } from './protocol'

/** A question and its answer, as they are heard and as they are read later. */
export function TurnView({ turn, name }: { turn: Turn; name: string }) {
  const { t } = useTranslation('live')
  const running = turn.state === 'answering'
  return (
    <li className="flex flex-col gap-3">
      {turn.question && (
        <div className="max-w-[85%] self-end rounded-card bg-tint px-4 py-2.5">
          <span className="sr-only">{t('live:turn.you')} </span>
          <p className="whitespace-pre-wrap">{turn.question}</p>
        </div>
      )}
      {turn.help && (
        <aside aria-label={t('live:turn.help')} className="rounded-card border border-accent bg-tint px-5 py-4">
          <p className="whitespace-pre-wrap">{turn.help.content}</p>
          {turn.help.contact && <p className="mt-2 font-semibold">{turn.help.contact}</p>}
        </aside>
      )}
      <div>
        <p className="text-sm font-medium text-muted">{name}</p>
        {turn.answer && <Markdown text={turn.answer} streaming={running} level={3} />}
        {turn.state === 'waiting' && <p className="text-sm text-muted">{t('live:turn.waiting')}</p>}
        {turn.state === 'thinking' && <p className="text-sm text-muted">{t('live:turn.thinking')}</p>}
        {turn.state === 'interrupted' && <p className="mt-1 text-sm text-muted">{t('live:turn.interrupted')}</p>}
        {turn.finishReason === 'length' && <p className="mt-1 text-sm text-muted">{t('live:turn.length')}</p>}
        {turn.finishReason === 'moderated' && <p className="mt-1 text-sm text-warn">{t('problems:answer_moderated')}</p>}
        {turn.state === 'failed' && (
          <Notice kind="bad" className="mt-2">
            {t(`problems:${turn.error ?? 'internal'}`, { defaultValue: t('problems:internal'), when: t('problems:soon') })}
          </Notice>
        )}
        <Citations citations={turn.citations} />
      </div>
    </li>
  )
}

function Citations({ citations }: { citations: readonly Citation[] }) {
  const { t } = useTranslation('live')
  if (citations.length === 0) return null
  return (
    <ul aria-label={t('live:turn.sources')} className="mt-2 flex flex-wrap gap-1.5">
      {citations.map(({ number, source, title }) => (
        <li key={number} className="flex max-w-full items-center gap-1.5 rounded-full border border-line bg-raised px-3 py-1 text-sm text-muted">
          <span className="font-semibold text-accent">{number}</span>
          <span className="max-w-64 truncate">{source || title || t('live:turn.source')}</span>
        </li>
      ))}
    </ul>
  )
}
