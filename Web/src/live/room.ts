import type { AudioSettings, Connection } from './protocol'
import { LiveSession } from './session'
import { MicrophoneError, Voice, type MicrophoneFault } from './voice/voice'

/** How one speaks: not at all, while a key or button is held, or freely. */
export type Speaking = 'off' | 'push' | 'free'

export interface SoundState {
  /** Answers are spoken. */
  aloud: boolean
  speaking: Speaking
  muted: boolean
  /** The key or button is down: what is said now is one question. */
  held: boolean
  /** The tutor is heard. */
  playing: boolean
  /** Loudness of the microphone, 0 to 1. */
  level: number
  fault: MicrophoneFault | null
}

/** How long recording goes on after the release of the key, in ms: fingers are quicker than words. */
const tail = 150

/** A live session with its sound: who speaks when, and what the engine is told of it. No React is in it. */
export class LiveRoom {
  readonly session: LiveSession
  private readonly voice: Voice
  private sound: SoundState = { aloud: false, speaking: 'off', muted: false, held: false, playing: false, level: 0, fault: null }
  private readonly listeners = new Set<() => void>()
  /** Recorded pieces go to the engine. */
  private streaming = false
  private phase = 'idle'
  /** What is on its way from the microphone when the key is released still belongs to the question. */
  private ending: ReturnType<typeof setTimeout> | undefined

  constructor(calls: { create: () => Promise<Connection>; connect: (id: string) => Promise<Connection> }) {
    this.voice = new Voice({
      onRecorded: (bytes, level) => {
        if (!this.streaming) return
        this.session.audio(bytes)
        if (Math.abs(level - this.sound.level) > 0.02) this.set({ level })
      },
      onPlaying: playing => this.set({ playing }),
    })
    this.session = new LiveSession({
      ...calls,
      onAudio: (piece, bytes) => this.voice.play(piece, bytes),
      onHush: () => this.voice.hush(),
      played: () => this.voice.position(),
    })
    this.session.subscribe(() => this.follow())
  }

  readonly get = (): SoundState => this.sound
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** Answers are spoken, or not. Called by a click: browsers play nothing before. */
  async listen(aloud: boolean): Promise<void> {
    if (aloud) await this.voice.open()
    else this.voice.hush()
    this.set({ aloud })
    this.configure()
  }

  async speak(speaking: Speaking): Promise<void> {
    if (this.sound.speaking === 'free' && speaking !== 'free') this.stopStream()
    this.set({ fault: null, muted: false, held: false, level: 0 })
    if (speaking === 'off') this.voice.stopRecording()
    else
      try {
        await this.voice.record()
        this.voice.mute(false)
      } catch (error) {
        this.set({ fault: error instanceof MicrophoneError ? error.fault : 'taken', speaking: 'off' })
        return
      }
    this.set({ speaking })
    this.configure()
  }

  /** Push to talk: down begins a question and interrupts the tutor, up ends it. */
  hold(held: boolean): void {
    if (this.sound.speaking !== 'push' || held === this.sound.held || (held && (this.phase !== 'open' || !this.session.get().audio.in))) return
    this.set({ held, level: 0 })
    if (this.ending !== undefined) this.stopStream()
    if (held) this.startStream()
    else this.ending = setTimeout(() => this.stopStream(), tail)
  }

  mute(muted: boolean): void {
    this.voice.mute(muted)
    this.set({ muted, level: 0 })
  }

  close(): void {
    clearTimeout(this.ending)
    this.ending = undefined
    this.streaming = false
    this.session.close()
    this.voice.close()
    this.set({ aloud: false, speaking: 'off', held: false, playing: false, level: 0 })
  }

  private startStream(): void {
    // The engine takes sound only after it has confirmed its settings.
    if (this.streaming || this.phase !== 'open' || !this.session.get().audio.in) return
    // The position goes with it: what is hushed now was not heard.
    this.session.audioStart()
    if (this.sound.speaking === 'push') this.voice.hush()
    this.streaming = true
  }

  private stopStream(): void {
    clearTimeout(this.ending)
    this.ending = undefined
    if (this.streaming) this.session.audioEnd()
    this.streaming = false
  }

  private configure(): void {
    const { speaking, aloud } = this.sound
    const audio: AudioSettings = {
      ...(speaking === 'off' ? {} : { in: { format: 'pcm16', rate: 16000, turn_detection: speaking === 'free' ? 'server_vad' : 'none' } }),
      ...(aloud ? { out: { format: 'pcm16', rate: 24000 } } : {}),
    }
    this.session.configure(audio)
  }

  /** A stream that was open is gone with its socket: speech in the middle is lost, and hands-free begins anew. */
  private follow(): void {
    const { phase, notice, audio } = this.session.get()
    if (phase !== 'open' && this.phase === 'open') {
      this.streaming = false
      if (this.sound.held || this.sound.level) this.set({ held: false, level: 0 })
    }
    this.phase = phase
    // What the engine cannot do is switched off again; the notice says so.
    if (notice?.code === 'asr_not_configured' && this.sound.speaking !== 'off') this.without({ speaking: 'off', held: false })
    else if (notice?.code === 'tts_not_configured' && this.sound.aloud) this.without({ aloud: false })
    else if (this.sound.speaking === 'free' && audio.in?.turn_detection === 'server_vad') this.startStream()
  }

  private without(change: Partial<SoundState>): void {
    this.streaming = false
    if (change.speaking) this.voice.stopRecording()
    this.set(change)
    this.configure()
  }

  private set(change: Partial<SoundState>): void {
    this.sound = { ...this.sound, ...change }
    this.listeners.forEach(listener => listener())
  }
}
