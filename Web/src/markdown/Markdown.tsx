import { lazy, Suspense } from 'react'

export interface MarkdownProps {
  text: string
  /** More text is coming: the end is mended, and shown at most 20 times a second. */
  streaming?: boolean
  /** "[2]" becomes a button that calls it with 2. Without it, it stays text. */
  onCite?: (number: number) => void
  /** How many sources there are: a higher number is text. */
  sources?: number
  /** The level of the text's first headings, under the heading of what it stands in. */
  level?: number
  className?: string
}

const Rendered = lazy(() => import('./Rendered'))

/** Text of a model or a person, rendered. Until the renderer is loaded, and where it cannot be, the text itself is shown. */
export function Markdown(props: MarkdownProps) {
  return (
    <Suspense fallback={<div className={`whitespace-pre-wrap ${props.className ?? ''}`}>{props.text}</div>}>
      <Rendered {...props} />
    </Suspense>
  )
}
