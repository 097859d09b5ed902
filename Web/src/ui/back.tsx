import { Link } from '@tanstack/react-router'
import { ChevronLeft } from 'lucide-react'
import type { ReactNode } from 'react'

/** The way back to the page above, over a page's title. */
export function BackLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link to={to} className="print-hidden mb-3 -ms-1 inline-flex min-h-8 items-center gap-1 rounded-control pe-2 text-sm text-muted hover:text-ink">
      <ChevronLeft aria-hidden className="size-4 rtl:rotate-180" />
      {children}
    </Link>
  )
}
