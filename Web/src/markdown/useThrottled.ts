import { useEffect, useRef, useState } from 'react'

/** At most 20 times a second. */
const interval = 50

/** A text that grows quickly, as it is shown. What is finished is shown at once. */
export function useThrottled(text: string, streaming: boolean): string {
  const [shown, show] = useState(text)
  const last = useRef(0)
  useEffect(() => {
    if (!streaming) return
    const timer = setTimeout(
      () => {
        last.current = performance.now()
        show(text)
      },
      Math.max(0, interval - (performance.now() - last.current)),
    )
    return () => clearTimeout(timer)
  }, [text, streaming])
  return streaming ? shown : text
}
