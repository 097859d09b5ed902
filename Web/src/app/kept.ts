/** Answers to practice that were given without a network stand in localStorage under this, by person. */
export const keptAnswers = 'lyceum.practice.outbox.'

/** Sends them, as far as the server takes them now. Where there are none, nothing is loaded. */
export async function sendKeptAnswers(): Promise<void> {
  if (Object.keys(localStorage).some(key => key.startsWith(keptAnswers))) await (await import('@/practice/outbox')).sendWaiting()
}
