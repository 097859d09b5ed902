import { cx } from './class'
import { percentText } from './number'

/** A share (0 to 1) as a bar with its number; null: a dash. */
export function Meter({ value, className }: { value: number | null | undefined; className?: string }) {
  if (value === null || value === undefined) return <span className="text-faint">–</span>
  return (
    <span className={cx('inline-flex items-center gap-2', className)}>
      <span aria-hidden className="h-1.5 w-20 shrink-0 overflow-hidden rounded-full bg-hover">
        <span className="block h-full rounded-full bg-accent" style={{ width: `${Math.round(value * 100)}%` }} />
      </span>
      <span className="w-10 tabular-nums">{percentText(value)}</span>
    </span>
  )
}
