import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Check, ChevronsUpDown, Keyboard, LogOut, School, UserPlus } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Menu, MenuItem } from '@/ui/menu'
import { problemWords } from '@/ui/problem'
import { say } from '@/ui/toast'
import { enterTenant, leave } from './session'

/** Who is signed in, in which school, and what goes with that. */
export function AccountMenu({ onShortcuts }: { onShortcuts?: () => void }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const me = useQuery(meQuery).data
  if (!me) return null
  const schools = me.memberships
  const here = schools.find(one => one.tenant === me.tenant)
  const attempt = (work: Promise<void>) => work.catch(error => say(problemWords(error, t)))
  const name = me.account?.name ?? t('app:token')
  return (
    <Menu
      trigger={
        <button type="button" className="flex w-full min-w-0 items-center gap-3 rounded-control px-3 py-2 text-start text-sm hover:bg-hover">
          <span className="min-w-0 flex-1">
            <span className="sr-only">{t('app:account')}</span>
            <span className="block truncate font-medium">{name}</span>
            {here && here.name !== name && <span className="block truncate text-xs text-muted">{here.name}</span>}
          </span>
          <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
        </button>
      }
    >
      {schools.length > 1 &&
        schools.map(school => (
          <MenuItem key={school.tenant} onClick={() => school.tenant !== me.tenant && void attempt(enterTenant(school.tenant))}>
            {school.tenant === me.tenant ? <Check aria-hidden /> : <School aria-hidden />}
            <span className="max-w-56 truncate">{school.name}</span>
            {school.tenant === me.tenant && <span className="sr-only">{t('app:schoolHere')}</span>}
          </MenuItem>
        ))}
      <MenuItem onClick={() => void navigate({ to: '/join' })}>
        <UserPlus aria-hidden />
        {t('app:join')}
      </MenuItem>
      {onShortcuts && (
        <MenuItem onClick={onShortcuts}>
          <Keyboard aria-hidden />
          {t('app:shortcuts.title')}
        </MenuItem>
      )}
      <MenuItem onClick={() => void attempt(leave())}>
        <LogOut aria-hidden />
        {t('app:signOut')}
      </MenuItem>
    </Menu>
  )
}
