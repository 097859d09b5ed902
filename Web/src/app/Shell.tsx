import { useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { BookOpen, CalendarDays, GraduationCap, House, MessagesSquare, Mic, Settings, SlidersHorizontal, type LucideIcon } from 'lucide-react'
import { Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Loading } from '@/ui/loading'

interface Place {
  to: string
  /** Its word in `app.json`, under `place`. */
  name: string
  icon: LucideIcon
}

const learning: Place[] = [
  { to: '/', name: 'today', icon: House },
  { to: '/c', name: 'chat', icon: MessagesSquare },
  { to: '/live', name: 'live', icon: Mic },
  { to: '/plans', name: 'plans', icon: CalendarDays },
  { to: '/practice', name: 'practice', icon: BookOpen },
]

/** The frame of every page: places at the left, at the bottom on a phone. A page renders its own `<h1>` in `<main>`. */
export function Shell() {
  const { t } = useTranslation()
  const me = useQuery(meQuery).data
  const others: Place[] = [
    ...(me && me.role !== 'student' ? [{ to: '/teach', name: 'teach', icon: GraduationCap }] : []),
    ...(me?.scopes.includes('ops') ? [{ to: '/operate', name: 'operate', icon: SlidersHorizontal }] : []),
    { to: '/settings', name: 'settings', icon: Settings },
  ]
  return (
    <div className="flex min-h-dvh flex-col md:flex-row">
      <a href="#main" className="skip-link rounded-control bg-accent px-4 py-2 text-on-accent">
        {t('app:skip')}
      </a>
      <nav
        aria-label={t('app:places')}
        data-places
        className="print-hidden fixed inset-x-0 bottom-0 z-30 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] md:sticky md:top-0 md:h-dvh md:w-56 md:shrink-0 md:border-e md:border-t-0 md:bg-sunk"
      >
        <div className="flex h-full md:flex-col md:p-3">
          <Link to="/" className="mb-4 hidden items-center gap-2 rounded-control px-3 py-2 font-semibold md:flex">
            <img src="/icon.svg" alt="" className="size-6" />
            {t('app:name')}
          </Link>
          <ul className="flex flex-1 md:flex-none md:flex-col md:gap-0.5">
            {learning.map(place => (
              <PlaceLink key={place.to} {...place} />
            ))}
          </ul>
          <ul className="flex md:mt-auto md:flex-col md:gap-0.5">
            {others.map(place => (
              <PlaceLink key={place.to} {...place} />
            ))}
          </ul>
        </div>
      </nav>
      <main id="main" tabIndex={-1} className="flex min-w-0 flex-1 flex-col pb-[calc(3.75rem+env(safe-area-inset-bottom))] outline-none md:pb-0">
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  )
}

function PlaceLink({ to, name, icon: Icon }: Place) {
  const { t } = useTranslation()
  return (
    <li className="min-w-0 flex-1 md:flex-none">
      <Link
        to={to}
        activeOptions={{ exact: to === '/' }}
        activeProps={{ className: 'text-accent font-semibold md:bg-tint', 'aria-current': 'page' }}
        inactiveProps={{ className: 'text-muted hover:bg-hover hover:text-ink' }}
        className="flex flex-col items-center gap-0.5 rounded-control px-1 py-2 text-[0.6875rem] md:flex-row md:gap-3 md:px-3 md:text-sm"
      >
        <Icon aria-hidden className="size-5 shrink-0 md:size-4.5" />
        <span className="max-w-full truncate">{t(`app:place.${name}`)}</span>
      </Link>
    </li>
  )
}
