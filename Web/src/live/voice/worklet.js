/*
 * Two audio processors, as a file of their own: the page's policy admits no inline script. They run on the audio thread and must not wait.
 * Samples are floats from -1 to 1; the engine's are PCM16.
 */

/** Speech as it is recorded, at the context's rate → PCM16 at 16 kHz, in pieces of 40 ms. */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super()
    this.step = sampleRate / 16000
    this.piece = new Int16Array(640)
    this.filled = 0
    // A sample is the mean of what falls into its time: a simple low pass against aliasing.
    this.sum = 0
    this.count = 0
    this.due = this.step
    this.loudest = 0
  }

  process([input]) {
    const samples = input[0]
    if (!samples) return true
    for (const sample of samples) {
      this.sum += sample
      this.count++
      this.due--
      if (this.due > 0) continue
      this.due += this.step
      const value = Math.max(-1, Math.min(1, this.sum / this.count))
      this.sum = this.count = 0
      this.loudest = Math.max(this.loudest, Math.abs(value))
      this.piece[this.filled++] = value * 32767
      if (this.filled < this.piece.length) continue
      const bytes = this.piece.slice().buffer
      this.port.postMessage({ bytes, level: this.loudest }, [bytes])
      this.filled = 0
      this.loudest = 0
    }
    return true
  }
}

/** Pieces of speech → sound, one after the other; says how far it is. */
class Player extends AudioWorkletProcessor {
  constructor() {
    super()
    this.queue = []
    this.at = 0
    this.told = 0
    this.port.onmessage = ({ data }) => {
      if (data.piece) this.queue.push(data.piece)
      else {
        this.queue = []
        this.at = 0
      }
    }
  }

  process(_, [output]) {
    const out = output[0]
    for (let index = 0; index < out.length; index++) out[index] = this.next()
    for (let channel = 1; channel < output.length; channel++) output[channel].set(out)
    // Ten times a second.
    if (currentTime - this.told > 0.1 && this.queue.length > 0) {
      this.told = currentTime
      this.port.postMessage({ seq: this.queue[0].seq, ms: (this.at / this.queue[0].rate) * 1000 })
    }
    return true
  }

  next() {
    const piece = this.queue[0]
    if (!piece) return 0
    const whole = Math.floor(this.at)
    const part = this.at - whole
    const left = piece.samples[whole]
    const right = piece.samples[whole + 1] ?? this.queue[1]?.samples[0] ?? left
    this.at += piece.rate / sampleRate
    if (this.at >= piece.samples.length) {
      this.at -= piece.samples.length
      this.queue.shift()
      if (this.queue.length === 0) this.at = 0
      this.port.postMessage({ seq: piece.seq, ms: null, last: this.queue.length === 0 })
    }
    return left + (right - left) * part
  }
}

registerProcessor('lyceum-recorder', Recorder)
registerProcessor('lyceum-player', Player)
