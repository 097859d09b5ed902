import type { ReactNode } from 'react'
import { cx } from './class'

const kinds = {
  info: 'bg-tint text-ink',
  good: 'bg-good-tint text-good',
  warn: 'bg-warn-tint text-warn',
  bad: 'bg-bad-tint text-bad',
}

/** A sentence or two that stand out. */
export function Notice({ kind = 'info', role, className, children }: { kind?: keyof typeof kinds; role?: 'alert' | 'status'; className?: string; children: ReactNode }) {
  return (
    <div role={role} className={cx('rounded-control px-4 py-3 text-sm', kinds[kind], className)}>
      {children}
    </div>
  )
}

/** A word beside a thing: its state. Never colour alone: the word says it. */
export function Badge({ kind = 'info', children }: { kind?: keyof typeof kinds | 'plain'; children: ReactNode }) {
  return (
    <span className={cx('inline-flex items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap', kind === 'plain' ? 'bg-hover text-muted' : kinds[kind])}>
      {children}
    </span>
  )
}
