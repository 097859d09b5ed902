import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery, meQuery } from '@/api/queries'
import type { Schema } from '@/api/types'
import { Button, buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Notice } from '@/ui/notice'
import { Page, useTitle } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { Controls } from './Controls'
import { tutorsQuery } from './queries'
import { State } from './State'
import { TurnView } from './TurnView'
import { useFollow } from './useFollow'
import { useLive, type Live } from './useLive'
import { canRecord } from './voice/voice'
import { Waiting } from './Waiting'

export function RoomPage() {
  const { t } = useTranslation('live')
  const { tutor: id } = useParams({ from: '/signed-in/live/$tutor' })
  const { from } = useSearch({ from: '/signed-in/live/$tutor' })
  const tutors = useQuery(tutorsQuery)
  const me = useQuery(meQuery).data
  if (tutors.isPending || !me) return <Loading />
  const tutor = tutors.data?.find(one => String(one.id) === id)
  if (tutor) return <Room key={id} tutor={tutor} person={me.subject} from={from} />
  return (
    <Page title={t('live:title')}>
      {tutors.error ? <ProblemNotice error={tutors.error} /> : <Notice kind="warn">{t('problems:tutor_not_found')}</Notice>}
      <Link to="/live" className={buttonStyle('secondary', 'mt-4')}>
        {t('live:back')}
      </Link>
    </Page>
  )
}

function Room({ tutor, person, from }: { tutor: Schema['UsableTutor']; person: string; from?: string }) {
  const { t } = useTranslation('live')
  const live = useLive(tutor.id, person)
  const { session, state } = live
  useTitle(t('live:with', { name: tutor.name }))
  const begun = state.phase !== 'idle' && !(state.phase === 'failed' && !state.sessionId) && !(state.phase === 'starting' && state.turns.length === 0)
  const last = state.turns.at(-1)
  return (
    <div className="mx-auto flex min-h-0 w-full max-w-[48rem] flex-1 flex-col px-4 pt-6 sm:px-8 sm:pt-10">
      <header className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h1>{tutor.name}</h1>
          {tutor.subject && <p className="mt-1 text-muted">{tutor.subject}</p>}
        </div>
        {begun && state.phase !== 'ended' && <Button onClick={() => live.room.close()}>{t('live:end')}</Button>}
      </header>
      {begun ? (
        <>
          <Turns live={live} name={tutor.name} />
          {/* Read as whole sentences, once they are complete. */}
          <p role="status" className="sr-only">
            {last && /complete|interrupted/.test(last.state) ? last.answer : ''}
          </p>
          <div className="sticky bottom-[calc(3.5rem+env(safe-area-inset-bottom))] -mx-4 border-t border-line bg-page px-4 py-3 sm:-mx-8 sm:px-8 md:bottom-0">
            <State live={live} />
            {state.phase !== 'ended' && <Controls live={live} />}
          </div>
        </>
      ) : (
        <Lobby live={live} onStart={() => void session.start(from ?? null)} goesOn={!!from} />
      )}
    </div>
  )
}

/** Before: what there is, and one button. The click lets the browser play sound. */
function Lobby({ live, onStart, goesOn }: { live: Live; onStart: () => void; goesOn: boolean }) {
  const { t } = useTranslation('live')
  const capabilities = useQuery(capabilitiesQuery).data
  return (
    <div className="mt-6 flex flex-col items-start gap-4">
      <p>{capabilities?.asr ? t('live:lobby.voice') : t('live:lobby.text')}</p>
      {capabilities && !capabilities.asr && <p className="text-sm text-muted">{t('live:lobby.noAsr')}</p>}
      {capabilities && !capabilities.tts && <p className="text-sm text-muted">{t('live:lobby.noTts')}</p>}
      {(capabilities?.asr || capabilities?.tts) && !canRecord() && <p className="text-sm text-muted">{t('live:lobby.insecure')}</p>}
      <ProblemNotice error={live.state.problem} />
      <Button kind="primary" busy={live.state.phase === 'starting'} onClick={onStart}>
        {goesOn ? t('live:lobby.goOn') : t('live:lobby.start')}
      </Button>
    </div>
  )
}

function Turns({ live, name }: { live: Live; name: string }) {
  const { t } = useTranslation('live')
  const { turns, waiting } = live.state
  const content = useFollow(turns.length + waiting.length)
  return (
    <section ref={content} aria-label={t('live:captions')} className="flex-1 py-6">
      {turns.length + waiting.length === 0 && <p className="text-muted">{t('live:first', { name })}</p>}
      <ol className="flex flex-col gap-8">
        {turns.map(turn => (
          <TurnView key={turn.key} turn={turn} name={name} />
        ))}
      </ol>
      <Waiting live={live} />
    </section>
  )
}
