import type { ConceptProgress, Plan, PlanConcept, PlannedWeek } from './api'

/** What a learner sees of a concept: their own word goes before what their attempts show, except that mastered stays mastered. */
export type State = 'mastered' | 'known' | 'learning' | 'not_started'

export function stateOf(progress: ConceptProgress | undefined): State {
  if (!progress) return 'not_started'
  if (progress.state === 'mastered') return 'mastered'
  if (progress.mark === 'known') return 'known'
  return progress.state === 'learning' || progress.mark === 'learning' ? 'learning' : 'not_started'
}

export const isDone = (state: State): boolean => state === 'mastered' || state === 'known'

export const conceptsOf = (plan: Plan): PlanConcept[] => plan.modules.flatMap(module => module.concepts)

export const byId = (progress: readonly ConceptProgress[]): ReadonlyMap<string, ConceptProgress> => new Map(progress.map(one => [one.concept_id, one]))

/** The week to be worked on: the first with something left. Null: all is done. */
export const currentWeek = (weeks: readonly PlannedWeek[], states: ReadonlyMap<string, ConceptProgress>): number | null =>
  weeks.find(week => week.items.some(item => !isDone(stateOf(states.get(item.concept_id)))))?.number ?? null

const day = 86_400_000

/** The first and the last day of a week; null where the plan has no dates. */
export function daysOf(week: PlannedWeek): [Date, Date] | null {
  if (!week.starts_on) return null
  // Days are UTC; noon keeps them the same day in every time zone that people live in.
  const start = new Date(`${week.starts_on}T12:00:00Z`)
  return [start, new Date(start.getTime() + 6 * day)]
}

/** A day (`yyyy-mm-dd`) as a moment that shows as that day. */
export const dayOf = (text: string): Date => new Date(`${text}T12:00:00`)
