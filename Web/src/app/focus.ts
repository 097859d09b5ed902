import { useEffect } from 'react'
import { useRouter } from '@tanstack/react-router'

/**
 * At the way to another page the focus goes to its heading, so that a screen reader reads it and Tab goes on from there. Where a page has
 * put the focus itself (a composer), or the element that had it is still there, it stays, and `announce` says the title instead.
 */
export function useNavigationFocus(announce: (title: string) => void): void {
  const router = useRouter()
  useEffect(
    () =>
      router.subscribe('onRendered', ({ pathChanged, fromLocation }) => {
        if (!pathChanged || !fromLocation) return
        const deadline = performance.now() + 3000
        const settle = () => {
          const main = document.getElementById('main')
          const heading = main?.querySelector<HTMLElement>('h1')
          // A page that loads its code or its data has no heading yet.
          if (!heading && performance.now() < deadline) return void setTimeout(settle, 60)
          const active = document.activeElement
          if (active && active !== main && main?.contains(active)) return announce(document.title)
          if (heading) {
            heading.tabIndex = -1
            heading.style.outline = 'none'
          }
          ;(heading ?? main)?.focus({ preventScroll: true })
        }
        settle()
      }),
    [router, announce],
  )
}
