import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { cx } from '@/ui/class'
import { Loading } from '@/ui/loading'
import { ProblemNotice } from '@/ui/problem'
import { Scroller } from '@/ui/scroller'
import type { ConceptProgress, PlanConcept } from './api'
import { layOut } from './layout'
import { StateMark } from './StateMark'
import { isDone, stateOf } from './state'

/** Concepts as a map, prerequisites above. Each is a button, in the order of the plan; its lines stand out while it has the focus. */
export default function ConceptMap({ concepts, language, states, onOpen }: { concepts: PlanConcept[]; language: string; states: ReadonlyMap<string, ConceptProgress>; onOpen: (id: string) => void }) {
  const { t } = useTranslation('plan')
  const graph = useQuery({ queryKey: ['plan', 'map', concepts.map(one => [one.id, one.prerequisites])], queryFn: () => layOut(concepts), staleTime: Infinity })
  const [near, setNear] = useState<string | null>(null)
  if (!graph.data) return graph.error ? <ProblemNotice error={graph.error} /> : <Loading />
  const { width, height, nodeWidth, nodeHeight, nodes, edges } = graph.data
  const titles = new Map(concepts.map(one => [one.id, one.title]))
  return (
    <>
      <p className="mb-3 text-sm text-muted">{t('plan:map.text')}</p>
      <Scroller className="rounded-card border border-line bg-raised">
        <div className="relative mx-auto my-3" style={{ width, height }}>
          <svg aria-hidden width={width} height={height} className="absolute inset-0">
            {edges.map(edge => {
              const on = near !== null && (edge.from === near || edge.to === near)
              return <path key={`${edge.from} ${edge.to}`} d={edge.path} fill="none" strokeWidth={on ? 2.5 : 1.5} className={on ? 'stroke-accent' : 'stroke-edge'} />
            })}
          </svg>
          {nodes.map(({ id, x, y }) => {
            const state = stateOf(states.get(id))
            const needs = concepts.find(one => one.id === id)!.prerequisites.map(one => titles.get(one)).filter(Boolean)
            return (
              <button
                key={id}
                type="button"
                onClick={() => onOpen(id)}
                onFocus={() => setNear(id)}
                onBlur={() => setNear(null)}
                onMouseEnter={() => setNear(id)}
                onMouseLeave={() => setNear(null)}
                style={{ left: x, top: y, width: nodeWidth, height: nodeHeight }}
                className={cx(
                  'absolute flex items-center gap-2 rounded-control border px-2.5 text-start text-sm leading-tight hover:border-accent',
                  isDone(state) ? 'border-good bg-good-tint' : state === 'learning' ? 'border-accent bg-tint' : 'border-edge bg-page',
                )}
              >
                <StateMark state={state} />
                <span lang={language} className="line-clamp-3 min-w-0 flex-1">{titles.get(id)}</span>
                {needs.length > 0 && <span className="sr-only">{t('plan:concept.after', { titles: needs.join(t('plan:concept.and')) })}</span>}
              </button>
            )
          })}
        </div>
      </Scroller>
    </>
  )
}
