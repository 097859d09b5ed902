import type { LiveEvent, LiveState, Turn } from './protocol'

const emptyTurn = (key: string): Turn => ({ key, question: null, answer: '', state: 'waiting', finishReason: null, citations: [], error: null, help: null })

/** Changes one turn; one that began before this page was there is made. */
function change(state: LiveState, number: number, by: (turn: Turn) => Partial<Turn>): LiveState {
  const key = `${state.sessionId} ${number}`
  const at = state.turns.findIndex(turn => turn.key === key)
  const before = at < 0 ? emptyTurn(key) : state.turns[at]!
  const after = { ...before, ...by(before) }
  return { ...state, turns: at < 0 ? [...state.turns, after] : state.turns.with(at, after) }
}

/** How an event changes what is shown. Events that are no news to the reader change nothing. */
export function reduce(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case 'accepted': {
      const sent = state.waiting.find(one => one.id === event.id)
      const next = sent ? { ...state, waiting: state.waiting.filter(one => one !== sent) } : state
      return change({ ...next, notice: null, hearing: 'nothing' }, event.turn, turn => ({ question: event.content ?? sent?.content ?? turn.question }))
    }
    case 'thinking':
      return change(state, event.turn, () => ({ state: 'thinking' }))
    case 'delta':
      return change(state, event.turn!, turn => ({ state: 'answering', answer: turn.answer + event.content }))
    case 'text':
      // The whole answer: it stands for deltas that were not replayed, too.
      return change(state, event.turn!, () => ({ state: 'complete', answer: event.content, finishReason: event.finish_reason ?? null, citations: event.citations ?? [] }))
    case 'interrupted':
      return change(state, event.turn, () => ({ state: 'interrupted', answer: event.content }))
    case 'help':
      return change(state, event.turn, () => ({ help: { content: event.content, contact: event.contact ?? null } }))
    case 'latency_report':
      return { ...state, latency: { total: event.total_ms, recognised: event.asr_ms ?? null, firstText: event.first_delta_ms ?? null, firstSound: event.first_audio_ms ?? null } }
    case 'error': {
      const code = event.code ?? 'internal'
      if (event.turn != null) return change(state, event.turn, () => ({ state: 'failed', error: code }))
      const refused = state.waiting.map(one => (event.id && one.id === event.id ? { ...one, rejected: code } : one))
      return { ...state, waiting: refused, hearing: 'nothing', notice: { code, kind: 'error', secondsLeft: null } }
    }
    case 'warning':
      return { ...state, hearing: 'nothing', notice: { code: event.reason, kind: 'warning', secondsLeft: event.seconds_left ?? null } }
    case 'configured':
      return { ...state, audio: event.audio }
    case 'speech_started':
      return { ...state, hearing: 'speech' }
    case 'speech_stopped':
      return { ...state, hearing: 'recognising' }
    default:
      return state
  }
}
