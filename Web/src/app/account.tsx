import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Check, ChevronsUpDown, Keyboard, LogOut, School, UserPlus, type LucideIcon } from 'lucide-react'
import type { ButtonHTMLAttributes } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { problemWords } from '@/ui/problem'
import { say } from '@/ui/toast'
import { enterTenant, leave } from './session'

interface Action {
  key: string
  icon: LucideIcon
  text: string
  /** The school one is in. */
  here?: boolean
  run: () => void
}

/** Who is signed in, in which school, and what goes with that. */
export function useAccount(onShortcuts?: () => void) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const me = useQuery(meQuery).data
  const attempt = (work: Promise<void>) => void work.catch(error => say(problemWords(error, t)))
  const name = me?.account?.name ?? t('app:token')
  const school = me?.memberships.find(one => one.tenant === me.tenant)?.name
  const schools = me && me.memberships.length > 1 ? me.memberships : []
  const actions: Action[] = [
    ...schools.map(one => ({
      key: one.tenant,
      icon: one.tenant === me!.tenant ? Check : School,
      text: one.name,
      here: one.tenant === me!.tenant,
      run: () => one.tenant !== me!.tenant && attempt(enterTenant(one.tenant)),
    })),
    { key: 'join', icon: UserPlus, text: t('app:join'), run: () => void navigate({ to: '/join' }) },
    ...(onShortcuts ? [{ key: 'keys', icon: Keyboard, text: t('app:shortcuts.title'), run: onShortcuts }] : []),
    { key: 'out', icon: LogOut, text: t('app:signOut'), run: () => attempt(leave()) },
  ]
  return me ? { name, school: school === name ? undefined : school, actions } : null
}

export function AccountNames({ name, school }: { name: string; school?: string }) {
  const { t } = useTranslation()
  return (
    <span className="min-w-0 flex-1">
      <span className="sr-only">{t('app:account')} </span>
      <span className="block truncate font-medium">{name}</span>
      {school && <span className="block truncate text-xs text-muted">{school}</span>}
    </span>
  )
}

export function ActionWords({ text, here }: { text: string; here?: boolean }) {
  const { t } = useTranslation()
  return (
    <span className="max-w-56 truncate">
      {text}
      {here && <span className="sr-only"> {t('app:schoolHere')}</span>}
    </span>
  )
}

/** The button at the foot of the side bar. */
export function AccountButton({ account, ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { account: { name: string; school?: string } }) {
  return (
    <button type="button" {...rest} className="flex w-full min-w-0 items-center gap-3 rounded-control px-3 py-2 text-start text-sm hover:bg-hover">
      <AccountNames name={account.name} school={account.school} />
      <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
    </button>
  )
}
