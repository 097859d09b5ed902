import { useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

/**
 * At the way to another page the focus goes to its heading, so that a screen reader reads it and Tab goes on from there. Where a page has
 * put the focus itself (a composer), or the element that had it is still there, it stays, and the title is said instead.
 */
export function NavigationFocus() {
  const router = useRouter()
  const [spoken, setSpoken] = useState('')
  useEffect(() => {
    let heading: Element | null = null
    let turn = 0
    const stopBefore = router.subscribe('onBeforeNavigate', () => {
      heading = document.querySelector('#main h1')
    })
    const stopAfter = router.subscribe('onRendered', ({ pathChanged, fromLocation }) => {
      if (!pathChanged || !fromLocation) return
      const [mine, old, since] = [++turn, heading, performance.now()]
      const settle = () => {
        if (mine !== turn) return
        const next = document.querySelector<HTMLElement>('#main h1')
        const waited = performance.now() - since
        // A page that loads its code or its data has no heading yet, or still shows the one before.
        if (waited < (next ? 600 : 3000) && (!next || next === old)) return void setTimeout(settle, 50)
        const main = document.getElementById('main')
        const active = document.activeElement
        if (active && active !== main && main?.contains(active)) return setSpoken(document.title)
        if (next) {
          next.tabIndex = -1
          next.style.outline = 'none'
        }
        ;(next ?? main)?.focus({ preventScroll: true })
      }
      settle()
    })
    return () => {
      turn++
      stopBefore()
      stopAfter()
    }
  }, [router])
  return (
    <p role="status" className="sr-only">
      {spoken}
    </p>
  )
}
