const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Bytes of a text in UTF-8. */
export const byteLength = (text: string): number => encoder.encode(text).length

/** The text without its first `bytes` bytes, which end at a character's end. */
export const dropBytes = (text: string, bytes: number): string =>
  bytes <= 0 ? text : decoder.decode(encoder.encode(text).subarray(bytes))

/** Where a delta stands, and what of it comes after a reader's byte. */
export function newPart(text: string, end: number, have: number): { text: string; gap: boolean } {
  const begin = end - byteLength(text)
  if (end <= have) return { text: '', gap: false }
  return { text: dropBytes(text, have - begin), gap: begin > have }
}
