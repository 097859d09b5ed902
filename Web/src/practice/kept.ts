import type { Schema } from '@/api/types'

const key = 'lyceum.practice.due'

/** The due questions, kept on this device for a time without a network. They hold no answers. */
export function keepDue(due: Schema['DuePage']): void {
  try {
    localStorage.setItem(key, JSON.stringify(due))
  } catch {
    // Full, or not allowed: then there is none without a network.
  }
}

export function keptDue(): Schema['DuePage'] | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as Schema['DuePage'] | null
  } catch {
    return null
  }
}
