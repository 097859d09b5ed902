import type { Schema } from '@/api/types'

type Progress = Schema['RoadmapProgress']

export interface ThisWeek {
  number: number
  concepts: { id: string; title: string; state: string }[]
}

/** The week of a plan that a learner is in: by its dates where it has some, else the first that is not mastered. Null: all is done. */
export function thisWeek(progress: Progress, today: string): ThisWeek | null {
  const states = new Map(progress.concepts.map(concept => [concept.concept_id, concept.mark === 'known' ? 'mastered' : concept.state]))
  const open = progress.weeks.filter(week => week.items.some(item => states.get(item.concept_id) !== 'mastered'))
  const begun = progress.weeks.filter(week => week.starts_on && week.starts_on <= today).at(-1)
  // A dated week that is done already: what is open next.
  const week = begun && open.includes(begun) ? begun : open[0]
  if (!week) return null
  return {
    number: week.number,
    concepts: week.items.map(item => ({ id: item.concept_id, title: item.title, state: states.get(item.concept_id) ?? 'not_started' })),
  }
}
