import { scriptAddress } from '@/app/trusted'
import type { AudioPiece, Position } from '../protocol'

/** Why there is no microphone: each has its words in `live.json` under `mic`. */
export type MicrophoneFault = 'insecure' | 'refused' | 'missing' | 'taken'

export class MicrophoneError extends Error {
  constructor(readonly fault: MicrophoneFault) {
    super(fault)
  }
}

/** Whether this page may have a microphone at all: only over https, or on this machine. */
export const canRecord = (): boolean => isSecureContext && !!navigator.mediaDevices?.getUserMedia
export const canPlay = (): boolean => typeof AudioContext !== 'undefined' && typeof AudioWorkletNode !== 'undefined' && isSecureContext

interface VoiceOptions {
  /** A piece of recorded speech, PCM16 at 16 kHz. */
  onRecorded: (bytes: ArrayBuffer, level: number) => void
  /** Sound begins or has ended. */
  onPlaying: (playing: boolean) => void
}

/** Sound in and out of one live session. `open` must be called by a click or a key: browsers play nothing before. */
export class Voice {
  private context: AudioContext | null = null
  private player: AudioWorkletNode | null = null
  private stream: MediaStream | null = null
  private source: MediaStreamAudioSourceNode | null = null
  private at: Position | null = null
  private playing = false

  constructor(private readonly options: VoiceOptions) {}

  async open(): Promise<void> {
    if (this.context) return void (await this.context.resume())
    const context = new AudioContext({ latencyHint: 'interactive' })
    this.context = context
    await context.audioWorklet.addModule(scriptAddress(new URL('./worklet.js', import.meta.url)))
    this.player = new AudioWorkletNode(context, 'lyceum-player', { numberOfInputs: 0, outputChannelCount: [1] })
    this.player.port.onmessage = ({ data }: MessageEvent<{ seq: number; ms: number | null; last?: boolean }>) => {
      this.at = data.ms === null ? { seq: data.seq } : { seq: data.seq, ms: Math.round(data.ms) }
      if (data.last) this.setPlaying(false)
    }
    this.player.connect(context.destination)
    await context.resume()
  }

  /** The microphone, with echo cancellation: otherwise the tutor's own voice interrupts it. */
  async record(): Promise<void> {
    if (this.stream) return
    if (!canRecord()) throw new MicrophoneError('insecure')
    await this.open()
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } })
    } catch (error) {
      const name = error instanceof DOMException ? error.name : ''
      throw new MicrophoneError(name === 'NotFoundError' || name === 'OverconstrainedError' ? 'missing' : name === 'NotReadableError' || name === 'AbortError' ? 'taken' : 'refused')
    }
    const context = this.context!
    this.source = context.createMediaStreamSource(this.stream)
    const recorder = new AudioWorkletNode(context, 'lyceum-recorder', { numberOfOutputs: 1 })
    recorder.port.onmessage = ({ data }: MessageEvent<{ bytes: ArrayBuffer; level: number }>) => this.options.onRecorded(data.bytes, data.level)
    // A node that leads nowhere is not run: it is connected, and says nothing.
    this.source.connect(recorder).connect(context.destination)
  }

  /** A muted microphone sends silence, so that a question still ends. */
  mute(muted: boolean): void {
    this.stream?.getAudioTracks().forEach(track => (track.enabled = !muted))
  }

  play(piece: AudioPiece, bytes: ArrayBuffer): void {
    if (!this.player) return
    const pcm = new Int16Array(bytes, 0, bytes.byteLength >> 1)
    const samples = Float32Array.from(pcm, sample => sample / 32768)
    if (samples.length === 0) return
    this.setPlaying(true)
    this.player.port.postMessage({ piece: { seq: piece.seq, rate: piece.rate, samples } }, [samples.buffer])
  }

  /** Silence at once. */
  hush(): void {
    this.player?.port.postMessage({ hush: true })
    this.setPlaying(false)
  }

  /** How far sound was played; what is on its way to the ear is counted as played. */
  position(): Position | null {
    return this.at
  }

  close(): void {
    this.stream?.getTracks().forEach(track => track.stop())
    void this.context?.close().catch(() => undefined)
    this.context = this.player = this.stream = this.source = null
    this.at = null
  }

  /** Gives the microphone back: the browser's sign that it records goes away. */
  stopRecording(): void {
    this.stream?.getTracks().forEach(track => track.stop())
    this.source?.disconnect()
    this.stream = this.source = null
  }

  private setPlaying(playing: boolean): void {
    if (playing === this.playing) return
    this.playing = playing
    this.options.onPlaying(playing)
  }
}
