import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

const parts = [
  { to: '/settings', name: 'general' },
  { to: '/settings/security', name: 'security' },
  { to: '/settings/schools', name: 'schools' },
  { to: '/settings/data', name: 'data' },
] as const

/** A page of the settings, with the way to the others. */
export function Frame({ part, children }: { part: (typeof parts)[number]['name']; children: ReactNode }) {
  const { t } = useTranslation('settings')
  return (
    <Page title={t(`settings:heading.${part}`)}>
      <nav aria-label={t('settings:title')} className="-mt-2 mb-8 border-b border-line">
        <ul className="-mb-px flex flex-wrap gap-x-1">
          {parts.map(({ to, name }) => (
            <li key={to}>
              <Link
                to={to}
                activeOptions={{ exact: true }}
                activeProps={{ className: 'border-accent text-accent font-semibold', 'aria-current': 'page' }}
                inactiveProps={{ className: 'border-transparent text-muted hover:text-ink' }}
                className="flex min-h-11 items-center border-b-2 px-2.5 text-sm whitespace-nowrap sm:px-3 focus-visible:-outline-offset-2"
              >
                {t(`settings:part.${name}`)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {children}
    </Page>
  )
}

/** One line of a list: what it is at the left, what one can do at the right. */
export function Row({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-48">{children}</div>
      {actions && <div className="flex shrink-0 flex-wrap gap-2">{actions}</div>}
    </div>
  )
}

export const listStyle = 'divide-y divide-line rounded-card border border-line bg-raised'
