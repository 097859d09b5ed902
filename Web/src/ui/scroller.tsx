import { useEffect, useRef, useState, type ReactNode } from 'react'
import { cx } from './class'

/** Wide content that scrolls inside itself. Reached by keyboard only where there is something to scroll. */
export function Scroller({ className, children }: { className?: string; children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null)
  const [scrolls, setScrolls] = useState(false)
  useEffect(() => {
    const box = place.current
    if (!box) return
    const observer = new ResizeObserver(() => setScrolls(box.scrollWidth > box.clientWidth))
    observer.observe(box)
    if (box.firstElementChild) observer.observe(box.firstElementChild)
    return () => observer.disconnect()
  }, [])
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
    <div ref={place} tabIndex={scrolls ? 0 : undefined} className={cx('max-w-full overflow-x-auto', className)}>
      {children}
    </div>
  )
}
