/** What was typed and is not with the server yet. It survives a reload, per person and conversation. */
const name = (person: string, conversation: string | null) => `lyceum.draft.${person}.${conversation ?? 'new'}`

export const readDraft = (person: string, conversation: string | null): string => localStorage.getItem(name(person, conversation)) ?? ''

export function keepDraft(person: string, conversation: string | null, text: string): void {
  try {
    if (text) localStorage.setItem(name(person, conversation), text)
    else localStorage.removeItem(name(person, conversation))
  } catch {
    // The storage is full or forbidden: the text is still in the page.
  }
}
