import { useLayoutEffect, useRef, useSyncExternalStore } from 'react'
import { Scroller } from '@/ui/scroller'
import type { drawFormula as Draw } from './katex'

let draw: typeof Draw | null = null
const waiting = new Set<() => void>()
let loading: Promise<void> | null = null

/** KaTeX is loaded with the first formula. */
function subscribe(tell: () => void): () => void {
  waiting.add(tell)
  loading ??= import('./katex').then(
    module => {
      draw = module.drawFormula
      waiting.forEach(each => each())
    },
    () => {
      // Without a network: formulas stay source until one is shown again.
      loading = null
    },
  )
  return () => waiting.delete(tell)
}

/** A formula. Until KaTeX is there, and where it finds an error, its source. */
export function Formula({ source, display }: { source: string; display: boolean }) {
  const place = useRef<HTMLSpanElement>(null)
  const ready = useSyncExternalStore(subscribe, () => draw)
  useLayoutEffect(() => {
    if (place.current) drawInto(place.current, ready, source, display)
  }, [ready, source, display])
  // Its content is KaTeX's, not React's.
  const formula = <span ref={place} className={display ? 'formula-block' : 'formula'} />
  return display ? <Scroller inText>{formula}</Scroller> : formula
}

function drawInto(place: HTMLElement, ready: typeof Draw | null, source: string, display: boolean): void {
  const drawn = ready?.(source, display)
  if (drawn) return place.replaceChildren(drawn)
  const code = document.createElement('code')
  code.textContent = source
  place.replaceChildren(code)
}
