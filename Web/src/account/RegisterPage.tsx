import { Link, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { enter } from '@/app/session'
import { Frame } from './Frame'
import { ownPath } from './next'
import { RegisterForm } from './RegisterForm'

export function RegisterPage() {
  const { t } = useTranslation('account')
  const { next } = useSearch({ from: '/register' })
  return (
    <Frame title={t('account:register.title')} lead={t('account:register.lead')}>
      <RegisterForm action={t('account:register.action')} onDone={() => enter(ownPath(next))} />
      <p className="mt-6 border-t border-line pt-4 text-sm">
        {t('account:register.has')}{' '}
        <Link to="/sign-in" search={{ next }} className="inline-block py-1 font-medium text-accent underline">
          {t('account:signIn.title')}
        </Link>
      </p>
    </Frame>
  )
}
