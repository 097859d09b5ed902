import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { cx } from './class'

export type ButtonKind = 'primary' | 'secondary' | 'quiet' | 'danger'

const kinds: Record<ButtonKind, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong',
  secondary: 'border border-edge bg-raised hover:bg-hover',
  quiet: 'text-muted hover:bg-hover hover:text-ink',
  danger: 'border border-bad text-bad hover:bg-bad-tint',
}

/** For links that look like buttons. At least 40 px high: a finger hits it. */
export const buttonStyle = (kind: ButtonKind = 'secondary', extra?: string): string =>
  cx(
    'inline-flex min-h-10 items-center justify-center gap-2 rounded-control px-4 text-sm font-medium select-none',
    'disabled:opacity-55 aria-disabled:opacity-55',
    kinds[kind],
    extra,
  )

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind
  /** Shown as busy, and not pressed a second time. */
  busy?: boolean
  ref?: Ref<HTMLButtonElement>
}

export function Button({ kind = 'secondary', busy = false, className, type = 'button', disabled, children, ...rest }: ButtonProps) {
  return (
    <button type={type} disabled={disabled || busy} aria-busy={busy || undefined} className={buttonStyle(kind, className)} {...rest}>
      {busy && <span aria-hidden className="size-4 animate-spin rounded-full border-2 border-current border-e-transparent" />}
      {children}
    </button>
  )
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it does: its name for screen readers, and its tooltip. */
  label: string
  children?: ReactNode
}

export function IconButton({ label, className, type = 'button', children, ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={cx(
        'inline-flex size-10 shrink-0 items-center justify-center rounded-control text-muted hover:bg-hover hover:text-ink disabled:opacity-50 [&_svg]:size-4.5',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  )
}
