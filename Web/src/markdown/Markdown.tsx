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

/** Without the renderer (an update removed it, the network is away) the text itself is shown, instead of an error. */
const Rendered = lazy(() => import('./Rendered').catch(() => ({ default: Plain })))

const Plain = ({ text, className }: MarkdownProps) => <div className={`whitespace-pre-wrap ${className ?? ''}`}>{text}</div>

/** Text of a model or a person, rendered. Until the renderer is loaded the text itself is shown. */
export function Markdown(props: MarkdownProps) {
  return (
    <Suspense fallback={<Plain {...props} />}>
      <Rendered {...props} />
    </Suspense>
  )
}
