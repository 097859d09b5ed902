import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import type { Live } from './useLive'

/** Questions that the engine has not confirmed: nothing typed is lost. */
export function Waiting({ live: { state, session } }: { live: Live }) {
  const { t } = useTranslation('live')
  if (state.waiting.length === 0) return null
  return (
    <ol className="mt-8 flex flex-col gap-3">
      {state.waiting.map(sent => (
        <li key={sent.id} className="flex max-w-[85%] flex-col gap-1 self-end">
          <p className="rounded-card border border-dashed border-edge px-4 py-2.5 whitespace-pre-wrap">{sent.content}</p>
          {sent.rejected ? (
            <div role="alert" className="flex flex-wrap items-center gap-2 text-sm text-bad">
              {t(`problems:${sent.rejected}`, { defaultValue: t('problems:internal'), when: t('problems:soon') })}
              <Button onClick={() => session.sayAgain(sent.id)}>{t('live:waiting.again')}</Button>
              <Button kind="quiet" onClick={() => session.takeBack(sent.id)}>
                {t('live:waiting.back')}
              </Button>
            </div>
          ) : (
            <p className="self-end text-sm text-muted">{t('live:waiting.sending')}</p>
          )}
        </li>
      ))}
    </ol>
  )
}
