/** How far a reader is in each service: `chat-api=12,session-api=3`. */
export type Cursor = ReadonlyMap<string, number>

export function parseCursor(text: string | null): Map<string, number> {
  const cursor = new Map<string, number>()
  for (const part of (text ?? '').split(',')) {
    const [name, number] = part.split('=')
    if (name && number) cursor.set(name, Number(number))
  }
  return cursor
}

export const cursorText = (cursor: Cursor): string | null =>
  cursor.size === 0 ? null : [...cursor].map(([name, number]) => `${name}=${number}`).join(',')

/** Moves on to `next`. False: nothing of it is new, so its event was seen. */
export function advance(cursor: Map<string, number>, next: Cursor): boolean {
  let moved = false
  for (const [name, number] of next) {
    if (number <= (cursor.get(name) ?? -1)) continue
    cursor.set(name, number)
    moved = true
  }
  return moved
}
