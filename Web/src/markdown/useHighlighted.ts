import { useEffect, useState } from 'react'
import type { Line } from './highlight'

interface Done {
  code: string
  language: string
  lines: Line[]
}

/** Code as coloured tokens; null until they are there, and where the language is not known. */
export function useHighlighted(code: string, language: string, closed: boolean): Line[] | null {
  const [done, setDone] = useState<Done | null>(null)
  useEffect(() => {
    if (!closed || !language) return
    const stop = new AbortController()
    void import('./highlight')
      .then(module => module.highlight(code, language, stop.signal))
      .then(
        lines => lines && !stop.signal.aborted && setDone({ code, language, lines }),
        () => {
          // Not loaded: the code stays as it is.
        },
      )
    return () => stop.abort()
  }, [code, language, closed])
  return done && done.code === code && done.language === language ? done.lines : null
}
