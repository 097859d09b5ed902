import { useTranslation } from 'react-i18next'
import { useShortcut } from '@/app/shortcuts'
import { Notice } from '@/ui/notice'
import { Page } from '@/ui/page'
import type { Item } from './api'
import { OutboxNotice } from './OutboxNotice'
import { Question } from './Question'
import { Summary } from './Summary'
import { useRound } from './useRound'

interface RoundViewProps {
  title: string
  items: Item[]
  /** Practised before it is due: nothing is counted. */
  ahead: boolean
  notes?: string[]
  more: number
  onMore: () => void
}

export function RoundView({ title, items, ahead, notes, more, onMore }: RoundViewProps) {
  const { t } = useTranslation('practice')
  const { round, current, send, grade, next } = useRound(items)
  useShortcut('1', t('practice:keys.choose'), null)
  useShortcut('Enter', t('practice:keys.enter'), null)
  const total = round.queue.length
  return (
    <Page title={title}>
      {current && (
        <div className="mb-6">
          <div className="mb-1.5 flex justify-between gap-4 text-sm text-muted">
            <span>{t('practice:round.of', { number: round.at + 1, total })}</span>
            {current.again && <span>{t('practice:round.again')}</span>}
          </div>
          <progress className="bar" value={round.at + (round.phase === 'answering' || round.phase === 'sending' ? 0 : 1)} max={total} aria-label={t('practice:round.progress')} />
        </div>
      )}
      <OutboxNotice />
      {ahead && round.phase !== 'done' && round.at === 0 && <Notice className="mb-4">{t('practice:round.aheadText')}</Notice>}
      {current ? (
        <Question key={round.at} item={current.item} round={round} onSend={send} onGrade={grade} onNext={next} last={round.at + 1 >= total} />
      ) : (
        <Summary round={round} notes={notes} more={more} onMore={onMore} />
      )}
    </Page>
  )
}
