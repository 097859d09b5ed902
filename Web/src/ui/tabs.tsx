import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

export interface Tab {
  to: string
  label: ReactNode
  /** Only the very page counts as this tab, not what lies below it. */
  exact?: boolean
}

/** Links between the pages of one part. They wrap where there is no room for all. */
export function LinkTabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav aria-label={label} className="print-hidden mb-6">
      <ul className="-ms-3 flex flex-wrap gap-1">
        {tabs.map(tab => (
          <li key={tab.to}>
            <Link
              to={tab.to}
              activeOptions={{ exact: tab.exact ?? false }}
              activeProps={{ className: 'bg-tint text-accent font-semibold', 'aria-current': 'page' }}
              inactiveProps={{ className: 'text-muted hover:bg-hover hover:text-ink' }}
              className="inline-flex min-h-9 items-center rounded-control px-3 text-sm"
            >
              {tab.label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
