import type { AnswerEvent } from './protocol'
import { dropBytes, newPart } from './utf8'

/**
 * A followed answer in the hub: what came of it since the first tab asked, so that a tab that comes later is served from memory.
 * The byte cursor is the truth: what ends at or before it was seen.
 */
export class Topic {
  /** Bytes before `text`. */
  base: number
  bytes: number
  text = ''
  ended: AnswerEvent | null = null
  private start: AnswerEvent | null = null
  private help: AnswerEvent | null = null
  private thinking: AnswerEvent | null = null
  /** Reread once from the beginning, if the server does not know the byte. */
  private reread = false

  constructor(after: number) {
    this.base = this.bytes = after
  }

  /** What is new in the event, for the tabs. `again`: the answer must be read again from `bytes`. */
  take(event: AnswerEvent): AnswerEvent | 'again' | null {
    switch (event.event) {
      case 'start':
        this.start = event
        return event
      case 'help':
        this.help = event
        return event
      case 'thinking':
        this.thinking = event
        return event
      case 'delta': {
        const end = Number(event.id)
        const { text, gap } = newPart((event.data as { text: string }).text, end, this.bytes)
        if (gap) return 'again'
        if (!text) return null
        this.text += text
        this.bytes = end
        return { event: 'delta', id: event.id, data: { text } }
      }
      case 'error':
        // The stream's own error has the id `end`; one without is the gateway's: 400 is a byte that is no character's end.
        if (event.id === null && (event.data as { status?: number }).status === 400 && !this.reread) {
          this.reread = true
          this.restart(0)
          return 'again'
        }
        return (this.ended = event)
      case 'end':
        return (this.ended = event)
      default:
        return event
    }
  }

  /** Everything after a byte that is not before `base`. */
  since(after: number): AnswerEvent[] {
    const events: AnswerEvent[] = []
    if (this.start) events.push(this.start)
    if (this.help) events.push(this.help)
    if (this.thinking && this.bytes === 0) events.push(this.thinking)
    if (after < this.bytes) events.push({ event: 'delta', id: String(this.bytes), data: { text: dropBytes(this.text, after - this.base) } })
    if (this.ended) events.push(this.ended)
    return events
  }

  restart(after: number): void {
    this.base = this.bytes = after
    this.text = ''
    this.ended = null
  }
}
