import { useState } from 'react'
import { mannerOf, plainManner, type Manner, type Message } from './model'

const name = (person: string) => `lyceum.manner.${person}`

function remembered(person: string): Manner {
  try {
    return { ...plainManner, ...(JSON.parse(localStorage.getItem(name(person)) ?? '{}') as Partial<Manner>), tutor_id: null, kb_id: null, concept_id: null }
  } catch {
    return plainManner
  }
}

/** How the next question is asked: as chosen here, else as the newest answer was, else as this person asked the last time. */
export function useManner(person: string, messages: readonly Message[], begin: Partial<Manner>): [Manner, (change: Partial<Manner>) => void] {
  const [chosen, setChosen] = useState<Partial<Manner>>({})
  const manner = { ...(mannerOf(messages) ?? { ...remembered(person), ...begin }), ...chosen }
  const change = (next: Partial<Manner>) => {
    setChosen(now => ({ ...now, ...next }))
    localStorage.setItem(name(person), JSON.stringify({ ...manner, ...next, tutor_id: null, kb_id: null, concept_id: null }))
  }
  return [manner, change]
}
