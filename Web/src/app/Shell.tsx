import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Loading } from '@/ui/loading'
import { sendKeptAnswers } from './kept'
import { AccountButton, useAccount } from './account'
import { useOnline } from './online'
import { barButton, BarLink, SideLink } from './PlaceLink'
import { usePlaces, type Place } from './places'
import { listenForShortcuts, useShortcut } from './shortcuts'

const loadMenu = () => import('./AccountMenu')
const AccountMenu = lazy(() => loadMenu().then(({ AccountMenu }) => ({ default: AccountMenu })))
const MoreSheet = lazy(() => import('./MoreSheet').then(({ MoreSheet }) => ({ default: MoreSheet })))
const ShortcutsDialog = lazy(() => import('./ShortcutsDialog').then(({ ShortcutsDialog }) => ({ default: ShortcutsDialog })))

/** The frame of every page: places at the left, at the bottom on a phone. A page renders its own `<h1>` in `<main>`. */
export function Shell() {
  const { t } = useTranslation()
  const [help, setHelp] = useState(false)
  const [helpWanted, setHelpWanted] = useState(false)
  const showHelp = () => {
    setHelpWanted(true)
    setHelp(true)
  }
  const { learning, others } = usePlaces()
  useEffect(() => listenForShortcuts(), [])
  useEffect(() => {
    // Answers that were given without a network are sent, whatever page comes first.
    void sendKeptAnswers()
  }, [])
  useShortcut('?', t('app:shortcuts.list'), showHelp)
  return (
    <div className="flex min-h-dvh flex-col md:flex-row">
      <a href="#main" className="skip-link rounded-control bg-accent px-4 py-2 text-on-accent">
        {t('app:skip')}
      </a>
      <nav aria-label={t('app:places')} className="print-hidden sticky top-0 hidden h-dvh w-56 shrink-0 flex-col overflow-y-auto border-e border-line bg-sunk p-3 md:flex">
        <Link to="/" className="mb-4 flex items-center gap-2 rounded-control px-3 py-2 font-semibold">
          <img src="/icon.svg" alt="" className="size-6" />
          {t('app:name')}
        </Link>
        <ul className="flex flex-col gap-0.5">
          {learning.map(place => (
            <SideLink key={place.to} {...place} />
          ))}
        </ul>
        <ul className="mt-auto flex flex-col gap-0.5 pt-4">
          {others.map(place => (
            <SideLink key={place.to} {...place} />
          ))}
        </ul>
        <div className="mt-2 border-t border-line pt-2">
          <Account onShortcuts={showHelp} />
        </div>
      </nav>
      <main id="main" tabIndex={-1} className="flex min-w-0 flex-1 flex-col pb-[calc(3.75rem+env(safe-area-inset-bottom))] outline-none md:pb-0 print:pb-0">
        <OfflineNotice />
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
      <BottomBar />
      {[...learning, ...others].map(place => (
        <PlaceShortcut key={place.to} {...place} />
      ))}
      {helpWanted && (
        <Suspense fallback={null}>
          <ShortcutsDialog open={help} onClose={() => setHelp(false)} />
        </Suspense>
      )}
    </div>
  )
}

/** A plain button, until it is wanted: menus are a sixth of what a first page may cost. */
function Account({ onShortcuts }: { onShortcuts: () => void }) {
  const [wanted, setWanted] = useState(false)
  const account = useAccount()
  if (!account) return null
  const button = <AccountButton account={account} aria-haspopup="menu" aria-expanded={false} onPointerEnter={() => void loadMenu()} onFocus={() => void loadMenu()} onClick={() => setWanted(true)} />
  return wanted ? (
    <Suspense fallback={button}>
      <AccountMenu onShortcuts={onShortcuts} />
    </Suspense>
  ) : (
    button
  )
}

function PlaceShortcut({ to, name, letter }: Place) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  useShortcut(`g ${letter}`, t('app:shortcuts.go', { place: t(`app:place.${name}`) }), () => void navigate({ to }))
  return null
}

/** On a phone: four places, and a sheet with the rest. */
function BottomBar() {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const [wanted, setWanted] = useState(false)
  const { bar, more } = usePlaces()
  const path = useLocation({ select: location => location.pathname })
  const isMore = more.some(place => path.startsWith(place.to))
  return (
    <nav data-places aria-label={t('app:places')} className="print-hidden fixed inset-x-0 bottom-0 z-30 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] md:hidden">
      <ul className="flex">
        {bar.map(place => (
          <BarLink key={place.to} {...place} />
        ))}
        <li className="min-w-0 flex-1">
          <button type="button" aria-haspopup="dialog" aria-expanded={open} onClick={() => {
              setWanted(true)
              setOpen(true)
            }} className={barButton(isMore)}>
            <Ellipsis aria-hidden className="size-5 shrink-0" />
            <span className="max-w-full truncate">{t('app:place.more')}</span>
          </button>
        </li>
      </ul>
      {wanted && (
        <Suspense fallback={null}>
          <MoreSheet open={open} onClose={() => setOpen(false)} places={more} />
        </Suspense>
      )}
    </nav>
  )
}

/** Said once, and gone when the network is back. */
function OfflineNotice() {
  const { t } = useTranslation()
  const online = useOnline()
  return (
    <div role="status" className="print-hidden">
      {!online && <p className="border-b border-line bg-warn-tint px-4 py-2 text-center text-sm text-warn">{t('app:offline')}</p>}
    </div>
  )
}
