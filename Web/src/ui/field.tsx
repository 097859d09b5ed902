import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes } from 'react'
import { cx } from './class'

const control =
  'w-full min-h-10 rounded-control border border-edge bg-raised px-3 py-2 text-base placeholder:text-faint aria-invalid:border-bad disabled:opacity-60 sm:text-sm'

interface Frame {
  label: ReactNode
  /** A sentence under the control. */
  hint?: ReactNode
  /** What is wrong with it; said to screen readers. */
  error?: ReactNode
  /** The label is for screen readers only. */
  bare?: boolean
}

function Framed({ id, label, hint, error, bare, children }: Frame & { id: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className={bare ? 'sr-only' : 'text-sm font-medium'}>
        {label}
      </label>
      {children}
      {hint && !error && (
        <p id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="text-sm text-bad">
          {error}
        </p>
      )}
    </div>
  )
}

const described = (id: string, { hint, error }: Frame) => (error ? `${id}-error` : hint ? `${id}-hint` : undefined)

export function TextField({ label, hint, error, bare, className, ...rest }: Frame & InputHTMLAttributes<HTMLInputElement>) {
  const own = useId()
  const id = rest.id ?? own
  const frame = { label, hint, error, bare }
  return (
    <Framed id={id} {...frame}>
      <input {...rest} id={id} aria-invalid={error ? true : undefined} aria-describedby={described(id, frame)} className={cx(control, className)} />
    </Framed>
  )
}

export function TextArea({ label, hint, error, bare, className, ...rest }: Frame & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const own = useId()
  const id = rest.id ?? own
  const frame = { label, hint, error, bare }
  return (
    <Framed id={id} {...frame}>
      <textarea
        rows={4}
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={described(id, frame)}
        className={cx(control, 'field-sizing-content min-h-24 leading-normal', className)}
      />
    </Framed>
  )
}

export function SelectField({ label, hint, error, bare, className, children, ...rest }: Frame & SelectHTMLAttributes<HTMLSelectElement>) {
  const own = useId()
  const id = rest.id ?? own
  const frame = { label, hint, error, bare }
  return (
    <Framed id={id} {...frame}>
      <select {...rest} id={id} aria-invalid={error ? true : undefined} aria-describedby={described(id, frame)} className={cx(control, 'pe-8', className)}>
        {children}
      </select>
    </Framed>
  )
}

export function CheckField({ label, hint, className, ...rest }: { label: ReactNode; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId()
  return (
    <div className={cx('flex gap-3', className)}>
      <input type="checkbox" {...rest} id={id} aria-describedby={hint ? `${id}-hint` : undefined} className="mt-1 size-4.5 shrink-0 accent-accent" />
      <div>
        <label htmlFor={id} className="text-sm font-medium">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-sm text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}
