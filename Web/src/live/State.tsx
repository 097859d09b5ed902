import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Button, buttonStyle } from '@/ui/button'
import { Notice } from '@/ui/notice'
import { ProblemNotice } from '@/ui/problem'
import { secondsText } from '@/ui/time'
import type { Live } from './useLive'

const warnings = ['idle_timeout', 'session_timeout', 'retrieval_unavailable', 'speech_unavailable', 'nothing_heard', 'moderation_unavailable']

/** How the session is: one line, and what to do where it does not go on by itself. */
export function State({ live: { state, sound, session } }: { live: Live }) {
  const { t } = useTranslation('live')
  const { phase, bye, notice, latency } = state
  const halted = phase === 'paused' || phase === 'ended' || phase === 'failed'
  const line = () => {
    if (phase === 'starting') return t('live:state.starting')
    if (phase === 'reconnecting') return t('live:state.reconnecting')
    if (sound.held || state.hearing === 'speech') return t('live:state.listening')
    if (state.hearing === 'recognising') return t('live:state.recognising')
    if (sound.playing) return t('live:state.speaking')
    if (sound.speaking === 'free' && !sound.muted) return t('live:state.free')
    return t('live:state.open')
  }
  return (
    <div className="mb-2 flex flex-col gap-2">
      {halted ? (
        <Notice role="status">
          <p>{phase === 'failed' ? t('live:state.failed') : bye ? t(`live:bye.${bye}`, { defaultValue: t('live:bye.other') }) : t('live:bye.left')}</p>
          <div className="mt-2 flex flex-wrap gap-2">
            {state.sessionId && bye !== 'deleted' && <Button onClick={session.resume}>{bye === 'replaced' ? t('live:state.here') : t('live:state.goOn')}</Button>}
            {state.sessionId && bye !== 'deleted' && (
              <Link to="/live/past/$id" params={{ id: state.sessionId }} className={buttonStyle('quiet')}>
                {t('live:state.transcript')}
              </Link>
            )}
          </div>
        </Notice>
      ) : (
        <div className="flex flex-wrap justify-between gap-x-4 text-sm text-muted">
          <p role="status">{line()}</p>
          {latency && <p>{t('live:state.latency', { seconds: secondsText(latency.firstSound ?? latency.firstText ?? latency.total) })}</p>}
        </div>
      )}
      {phase === 'failed' && <ProblemNotice error={state.problem} />}
      {notice && !halted && (
        <Notice kind="warn" role="status">
          {notice.kind === 'warning'
            ? t(`live:warning.${warnings.includes(notice.code) ? notice.code : 'other'}`, { seconds: notice.secondsLeft ?? 60 })
            : t(`problems:${notice.code}`, { defaultValue: t('problems:internal'), when: t('problems:soon') })}
        </Notice>
      )}
    </div>
  )
}
