import { useEffect, useRef, useState, type ReactNode } from 'react'
import { cx } from './class'

/** Wide content that scrolls inside itself. Reached by keyboard only where there is something to scroll. `inText`: it stands in a paragraph. */
export function Scroller({ className, inText = false, children }: { className?: string; inText?: boolean; children: ReactNode }) {
  const place = useRef<HTMLElement>(null)
  const [scrolls, setScrolls] = useState(false)
  useEffect(() => {
    const box = place.current
    if (!box) return
    const observer = new ResizeObserver(() => setScrolls(box.scrollWidth > box.clientWidth))
    observer.observe(box)
    if (box.firstElementChild) observer.observe(box.firstElementChild)
    return () => observer.disconnect()
  }, [])
  const Box = inText ? 'span' : 'div'
  return (
     
    <Box ref={place as never} tabIndex={scrolls ? 0 : undefined} className={cx('block max-w-full overflow-x-auto', className)}>
      {children}
    </Box>
  )
}
