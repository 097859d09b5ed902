import { useEffect, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { cx } from './class'

/** The title in the browser's tab. */
export function useTitle(title: string): void {
  const { t } = useTranslation()
  const name = t('app:name')
  useEffect(() => {
    document.title = title ? `${title} – ${name}` : name
  }, [title, name])
}

interface PageProps {
  title: string
  /** A sentence under the title. */
  lead?: ReactNode
  /** Buttons beside the title. */
  actions?: ReactNode
  /** For tables: 72rem wide instead of the reading column's 44rem. */
  wide?: boolean
  /** Above the title: the way back, or tabs. */
  above?: ReactNode
  children: ReactNode
}

/** A page with its heading. All pages but the chat are made of it. */
export function Page({ title, lead, actions, wide = false, above, children }: PageProps) {
  useTitle(title)
  return (
    <div className={cx('mx-auto w-full px-4 py-6 sm:px-8 sm:py-10', wide ? 'max-w-wide' : 'max-w-[48rem]')}>
      {above}
      <header className="mb-6 flex flex-wrap items-start justify-between gap-3">
        {/* A short button stays beside a long title, which wraps. */}
        <div className="min-w-0 flex-[1_1_12rem]">
          <h1>{title}</h1>
          {lead && <p className="mt-1 text-muted">{lead}</p>}
        </div>
        {actions && <div className="print-hidden flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A titled part of a page. */
export function Section({ title, actions, children, className }: { title: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section className={cx('mt-8 first:mt-0', className)}>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <h2>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  )
}

/** Where nothing is yet: what this place is for, and the first step. */
export function Empty({ title, children, action }: { title: ReactNode; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-3 rounded-card border border-dashed border-line px-6 py-8">
      <p className="font-medium">{title}</p>
      {children && <p className="text-sm text-muted">{children}</p>}
      {action}
    </div>
  )
}

/** A sheet on the page. */
export function Card({ className, children }: { className?: string; children: ReactNode }) {
  return <div className={cx('rounded-card border border-line bg-raised p-4 sm:p-5', className)}>{children}</div>
}
