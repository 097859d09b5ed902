import { useEffect, type RefObject } from 'react'

/** Where the on-screen keyboard covers the page instead of making it smaller (iOS), the box gets the height that is visible. */
export function useVisibleHeight(box: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const view = window.visualViewport
    if (!view) return
    const fit = () => {
      const covered = window.innerHeight - view.height > 120 && view.scale === 1
      document.documentElement.classList.toggle('keyboard', covered)
      if (!box.current) return
      box.current.style.height = covered ? `${view.height}px` : ''
      box.current.style.flex = covered ? 'none' : ''
      if (covered) window.scrollTo(0, 0)
    }
    view.addEventListener('resize', fit)
    return () => {
      view.removeEventListener('resize', fit)
      document.documentElement.classList.remove('keyboard')
    }
  }, [box])
}
