import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { cx } from '@/ui/class'
import type { Place } from './places'

/** In the side bar: icon and word in a row. */
export function SideLink({ to, name, icon: Icon, onClick }: Place & { onClick?: () => void }) {
  const { t } = useTranslation()
  return (
    <li>
      <Link
        to={to}
        onClick={onClick}
        activeOptions={{ exact: to === '/' }}
        activeProps={{ className: 'bg-tint text-accent font-semibold', 'aria-current': 'page' }}
        inactiveProps={{ className: 'text-muted hover:bg-hover hover:text-ink' }}
        className="flex min-h-10 items-center gap-3 rounded-control px-3 text-sm"
      >
        <Icon aria-hidden className="size-4.5 shrink-0" />
        {t(`app:place.${name}`)}
      </Link>
    </li>
  )
}

const barItem = 'flex h-14 w-full min-w-0 flex-col items-center justify-center gap-0.5 rounded-control px-1 text-[0.6875rem]'

/** In the bar at the bottom of a phone: icon above word. */
export function BarLink({ to, name, icon: Icon }: Place) {
  const { t } = useTranslation()
  return (
    <li className="min-w-0 flex-1">
      <Link
        to={to}
        activeOptions={{ exact: to === '/' }}
        activeProps={{ className: 'text-accent font-semibold', 'aria-current': 'page' }}
        inactiveProps={{ className: 'text-muted' }}
        className={barItem}
      >
        <Icon aria-hidden className="size-5 shrink-0" />
        <span className="max-w-full truncate">{t(`app:place.${name}`)}</span>
      </Link>
    </li>
  )
}

export const barButton = (active: boolean) => cx(barItem, active ? 'font-semibold text-accent' : 'text-muted')
