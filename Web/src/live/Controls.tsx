import { useQuery } from '@tanstack/react-query'
import { ArrowUp, Mic, MicOff, Volume2, VolumeX } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import { Button, IconButton } from '@/ui/button'
import { cx } from '@/ui/class'
import { Notice } from '@/ui/notice'
import { problemWords } from '@/ui/problem'
import { say } from '@/ui/toast'
import type { Live } from './useLive'
import { canPlay, canRecord } from './voice/voice'

const ways = ['off', 'push', 'free'] as const

/** Text, microphone and loudspeaker. What is not possible here is said, and text always goes on. */
export function Controls({ live }: { live: Live }) {
  const { t } = useTranslation('live')
  const { room, sound } = live
  const capabilities = useQuery(capabilitiesQuery).data
  const fault = sound.fault ?? (capabilities?.asr && !canRecord() ? 'insecure' : null)
  const attempt = (work: Promise<void>) => void work.catch(error => say(problemWords(error, t)))
  return (
    <div className="flex flex-col gap-2">
      {fault && (
        <Notice kind="warn" role="status">
          {t(`live:mic.${fault}`)}
        </Notice>
      )}
      <Write live={live} />
      <div className="flex flex-wrap items-center gap-x-1">
        {capabilities?.asr && canRecord() && (
          <fieldset className="flex flex-wrap items-center gap-1">
            <legend className="sr-only">{t('live:speak.how')}</legend>
            {ways.map(how => (
              <label
                key={how}
                className={cx(
                  'flex min-h-10 cursor-pointer items-center rounded-control px-3 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent',
                  sound.speaking === how ? 'bg-tint font-semibold text-accent' : 'text-muted hover:bg-hover',
                )}
              >
                <input type="radio" name="speaking" className="sr-only" checked={sound.speaking === how} onChange={() => attempt(room.speak(how))} />
                {t(`live:speak.${how}`)}
              </label>
            ))}
          </fieldset>
        )}
        {capabilities?.tts && canPlay() && (
          <Button className="ms-auto" kind="quiet" aria-pressed={sound.aloud} onClick={() => attempt(room.listen(!sound.aloud))}>
            {sound.aloud ? <Volume2 aria-hidden className="size-4" /> : <VolumeX aria-hidden className="size-4" />}
            {sound.aloud ? t('live:aloud.on') : t('live:aloud.off')}
          </Button>
        )}
      </div>
      {sound.speaking === 'push' && <PushToTalk live={live} />}
      {sound.speaking === 'free' && (
        <div className="flex items-center gap-3">
          <Button aria-pressed={sound.muted} onClick={() => room.mute(!sound.muted)}>
            {sound.muted ? <MicOff aria-hidden className="size-4" /> : <Mic aria-hidden className="size-4" />}
            {sound.muted ? t('live:speak.unmute') : t('live:speak.mute')}
          </Button>
          <Level level={sound.level} />
        </div>
      )}
    </div>
  )
}

function Write({ live: { session } }: { live: Live }) {
  const { t } = useTranslation('live')
  const [text, setText] = useState('')
  const send = () => {
    if (!text.trim()) return
    session.say(text.trim())
    setText('')
  }
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        send()
      }}
      className="flex items-end gap-2 rounded-card border border-edge bg-raised p-2 ps-4 focus-within:border-accent focus-within:outline-1 focus-within:outline-accent"
    >
      <textarea
        rows={1}
        aria-label={t('live:write.label')}
        placeholder={t('live:write.placeholder')}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || event.keyCode === 229) return
          event.preventDefault()
          send()
        }}
        className="field-sizing-content max-h-40 min-h-10 flex-1 resize-none bg-transparent py-2 text-base outline-none placeholder:text-faint"
      />
      <IconButton type="submit" label={t('live:write.send')} disabled={!text.trim()} className="bg-accent text-on-accent hover:bg-accent-strong hover:text-on-accent">
        <ArrowUp aria-hidden />
      </IconButton>
    </form>
  )
}

/** Held by a finger, the mouse, or the space bar anywhere on the page but in a field. */
function PushToTalk({ live: { room, sound, state } }: { live: Live }) {
  const { t } = useTranslation('live')
  useEffect(() => {
    const isSpace = (event: KeyboardEvent) => event.key === ' ' && !(event.target instanceof HTMLElement && event.target.closest('input, textarea, select, a, button:not([data-talk]), [role="dialog"]'))
    const down = (event: KeyboardEvent) => {
      if (!isSpace(event)) return
      event.preventDefault()
      if (!event.repeat) room.hold(true)
    }
    const up = (event: KeyboardEvent) => {
      if (event.key === ' ') room.hold(false)
    }
    const away = () => room.hold(false)
    addEventListener('keydown', down)
    addEventListener('keyup', up)
    addEventListener('blur', away)
    return () => {
      removeEventListener('keydown', down)
      removeEventListener('keyup', up)
      removeEventListener('blur', away)
      room.hold(false)
    }
  }, [room])
  return (
    <div className="flex items-center gap-3">
      <Button
        data-talk
        kind="primary"
        aria-pressed={sound.held}
        disabled={state.phase !== 'open' || !state.audio.in}
        className="min-h-12 flex-1 touch-none sm:flex-none sm:px-8"
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId)
          room.hold(true)
        }}
        onPointerUp={() => room.hold(false)}
        onPointerCancel={() => room.hold(false)}
        onContextMenu={event => event.preventDefault()}
      >
        <Mic aria-hidden className="size-4" />
        {sound.held ? t('live:speak.release') : t('live:speak.hold')}
      </Button>
      <Level level={sound.level} />
    </div>
  )
}

/** How loud the microphone hears: that it works at all. */
function Level({ level }: { level: number }) {
  return (
    <span aria-hidden className="h-2 w-16 overflow-hidden rounded-full bg-hover">
      <span className="block h-full rounded-full bg-accent" style={{ width: `${Math.min(100, level * 160)}%` }} />
    </span>
  )
}
