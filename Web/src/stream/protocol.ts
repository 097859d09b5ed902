/** What tabs and the hub say to each other. The hub owns the one connection of a person; a tab may be in another thread. */

/** An event of an answer's own stream (docs/chat.md). `id` of a `delta`: UTF-8 bytes of the answer up to its end. */
export interface AnswerEvent {
  event: string
  id: string | null
  data: unknown
}

/** Something that changed for the person (docs/events.md), and `ready`. */
export interface PersonalEvent {
  event: string
  data: Readonly<Record<string, unknown>>
}

/** `broken`: for a second or more; it is tried again by itself. `signed-out`: it waits until somebody has signed in. */
export type ConnectionState = 'connecting' | 'open' | 'broken' | 'signed-out'

/** An answer that a tab wants, from this byte on. */
export interface Wanted {
  message: string
  after: number
}

export type ToHub =
  /** First word of a tab, and again to every new hub. `cursor`: where the hub before it was. */
  | { type: 'hello'; wanted: Wanted[]; cursor: string | null; visible: boolean }
  | ({ type: 'follow' } & Wanted)
  | { type: 'unfollow'; message: string }
  /** It was woken (online, visible, signed in), or hidden. */
  | { type: 'wake'; visible: boolean; signedIn?: boolean }
  /** Said from time to time: a tab that is gone says nothing. */
  | { type: 'here' }
  | { type: 'bye' }

export type ToTab =
  /** A new hub: say hello. */
  | { type: 'hub' }
  | { type: 'connection'; state: ConnectionState }
  | { type: 'event'; cursor: string | null; event: PersonalEvent }
  | { type: 'answer'; message: string; event: AnswerEvent }
