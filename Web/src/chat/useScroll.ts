import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react'

/** So near to the end counts as at the end (CSS px). */
const near = 32

/**
 * The scroller of a conversation: it stays at the end while the reader is there, and stands still while one reads above. What is added
 * above does not move what is read (browsers anchor it; Safari does not, so it is done here).
 */
export function useScroll(key: string | null): {
  scroller: RefObject<HTMLDivElement | null>
  content: RefObject<HTMLDivElement | null>
  atEnd: boolean
  toEnd: () => void
} {
  const scroller = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const following = useRef(true)
  const last = useRef({ top: 0, height: 0 })
  const [atEnd, setAtEnd] = useState(true)

  const toEnd = useCallback(() => {
    const box = scroller.current
    if (!box) return
    following.current = true
    box.scrollTop = box.scrollHeight
    setAtEnd(true)
  }, [])

  useLayoutEffect(toEnd, [key, toEnd])

  useEffect(() => {
    const box = scroller.current
    const inner = content.current
    if (!box || !inner) return
    let downwards = -Infinity
    const wheeled = (event: WheelEvent) => {
      downwards = event.deltaY > 0 ? event.timeStamp : -Infinity
      if (event.deltaY < 0 && box.scrollTop > 0) following.current = false
    }
    const scrolled = (event: Event) => {
      const distance = box.scrollHeight - box.clientHeight - box.scrollTop
      const { top, height } = last.current
      // Upwards: the reader wants to read there. Not where the content changed its height at the same time, nor where a smooth scroll
      // downwards ends at the end that was, above the one that is.
      const upwards = box.scrollTop < top - 1 && box.scrollHeight === height && distance > 2
      if (upwards && event.timeStamp - downwards > 600) following.current = false
      else if (distance <= near) following.current = true
      last.current = { top: box.scrollTop, height: box.scrollHeight }
      setAtEnd(following.current || distance <= near)
    }
    const grown = () => {
      if (following.current) box.scrollTop = box.scrollHeight
      else setAtEnd(box.scrollHeight - box.clientHeight - box.scrollTop <= near)
      last.current = { top: box.scrollTop, height: box.scrollHeight }
    }
    const sizes = new ResizeObserver(grown)
    sizes.observe(inner)
    sizes.observe(box)
    box.addEventListener('scroll', scrolled, { passive: true })
    box.addEventListener('wheel', wheeled, { passive: true })
    return () => {
      sizes.disconnect()
      box.removeEventListener('wheel', wheeled)
      box.removeEventListener('scroll', scrolled)
    }
  }, [key])

  return { scroller, content, atEnd, toEnd }
}
