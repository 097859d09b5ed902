import { useTranslation } from 'react-i18next'
import { numberText } from '@/ui/time'
import type { ConceptProgress, Plan } from './api'
import { StateMark } from './StateMark'
import { conceptsOf, stateOf } from './state'

/** All concepts by module, with what each needs first: the map in words. */
export function ConceptList({ plan, states, onOpen }: { plan: Plan; states: ReadonlyMap<string, ConceptProgress>; onOpen: (id: string) => void }) {
  const { t } = useTranslation('plan')
  const titles = new Map(conceptsOf(plan).map(one => [one.id, one.title]))
  return (
    <div className="flex flex-col gap-6">
      {plan.modules.map(module => (
        <section key={module.id} className="break-inside-avoid-page">
          <h3 lang={plan.language} className="mb-2">{module.title}</h3>
          <ul className="divide-y divide-line overflow-hidden rounded-card border border-line bg-raised">
            {module.concepts.map(concept => {
              const needs = concept.prerequisites.map(id => titles.get(id)).filter(Boolean)
              return (
                <li key={concept.id}>
                  <button type="button" onClick={() => onOpen(concept.id)} className="flex w-full items-start gap-3 px-4 py-3 text-start hover:bg-hover focus-visible:-outline-offset-2">
                    <span className="mt-0.5">
                      <StateMark state={stateOf(states.get(concept.id))} />
                    </span>
                    <span className="min-w-0 flex-1">
                      <span lang={plan.language} className="font-medium">{concept.title}</span>
                      <span lang={plan.language} className="block text-sm text-muted">{concept.summary}</span>
                      {needs.length > 0 && <span className="mt-1 block text-sm text-muted">{t('plan:concept.after', { titles: needs.join(t('plan:concept.and')) })}</span>}
                    </span>
                    <span className="shrink-0 text-sm text-muted">{t('plan:week.hours', { hours: numberText(concept.hours) })}</span>
                  </button>
                </li>
              )
            })}
          </ul>
        </section>
      ))}
    </div>
  )
}
