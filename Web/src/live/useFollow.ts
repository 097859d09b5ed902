import { useEffect, useRef } from 'react'

/** So near to the end, in px, a reader counts as following it. */
const near = 160

/**
 * Keeps the end of the page in view while it grows, unless the reader has scrolled up to read. Something new of the reader's own brings
 * the end back.
 */
export function useFollow(items: number) {
  const content = useRef<HTMLElement>(null)
  const following = useRef(true)
  useEffect(() => {
    const page = document.documentElement
    const toEnd = () => following.current && scrollTo({ top: page.scrollHeight })
    let before = page.scrollTop
    const onScroll = () => {
      const top = page.scrollTop
      // Only a way up leaves the end: text that comes in between does not.
      if (page.scrollHeight - top - page.clientHeight < near) following.current = true
      else if (top < before) following.current = false
      before = top
    }
    const grows = new ResizeObserver(toEnd)
    if (content.current) grows.observe(content.current)
    addEventListener('scroll', onScroll, { passive: true })
    return () => {
      grows.disconnect()
      removeEventListener('scroll', onScroll)
    }
  }, [])
  useEffect(() => {
    following.current = true
    scrollTo({ top: document.documentElement.scrollHeight })
  }, [items])
  return content
}
