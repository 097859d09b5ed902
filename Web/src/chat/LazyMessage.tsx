import { useEffect, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react'

/** How far beyond the screen messages are kept in the page (CSS px). */
const margin = 1500
/** A message whose height is not known yet. */
const guess = 160

/**
 * A message that is in the page only near the screen: a long conversation stays light. What has the focus or is selected stays; `keep`
 * too. Its height stays while it is away.
 */
export function LazyMessage({ id, scroller, keep, initially, children }: { id: string; scroller: RefObject<HTMLElement | null>; keep: boolean; initially: boolean; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  const [{ near, height }, set] = useState({ near: initially, height: guess })

  useEffect(() => {
    const element = box.current!
    const watcher = new IntersectionObserver(
      ([entry]) => {
        const near = entry!.isIntersecting
        if (!near) {
          const selected = getSelection()
          if (element.contains(document.activeElement) || (selected && !selected.isCollapsed && selected.containsNode(element, true))) return
        }
        set(now => (now.near === near ? now : { near, height: near ? now.height : element.offsetHeight || guess }))
      },
      { root: scroller.current, rootMargin: `${margin}px 0px` },
    )
    watcher.observe(element)
    return () => watcher.disconnect()
  }, [scroller])

  const shown = near || keep
  useAnchored(box, scroller, shown)
  return (
    <div ref={box} data-message={id} style={shown ? undefined : { height }}>
      {shown && children}
    </div>
  )
}

/** Where the browser does not hold the view still when something above it changes its height (Safari), this does. */
function useAnchored(box: RefObject<HTMLDivElement | null>, scroller: RefObject<HTMLElement | null>, shown: boolean) {
  const before = useRef<number | null>(null)
  useLayoutEffect(() => {
    const element = box.current
    const view = scroller.current
    if (!element || !view || CSS.supports('overflow-anchor', 'auto')) return
    const now = element.offsetHeight
    if (before.current !== null && element.offsetTop < view.scrollTop) view.scrollBy(0, now - before.current)
    before.current = now
  }, [box, scroller, shown])
}
