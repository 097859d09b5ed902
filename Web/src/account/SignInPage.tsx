import { useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '@/api/problem'
import { enter } from '@/app/session'
import { Button, buttonStyle } from '@/ui/button'
import { TextField } from '@/ui/field'
import { Notice } from '@/ui/notice'
import { PasswordField } from '@/ui/password'
import { ProblemNotice } from '@/ui/problem'
import { methodsQuery, signIn } from './account'
import { FirstPassword } from './FirstPassword'
import { Frame } from './Frame'
import { ownPath } from './next'
import { useSubmit } from './useSubmit'

export function SignInPage() {
  const { t } = useTranslation('account')
  const { next, error: oidcError } = useSearch({ from: '/sign-in' })
  const methods = useQuery(methodsQuery)
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const { busy, error, submit } = useSubmit(async () => {
    await signIn(username, password, code)
    enter(ownPath(next))
  })
  const problem = error instanceof Problem ? error.code : ''

  if (problem === 'password_change_required')
    return (
      <Frame title={t('account:first.title')} lead={t('account:first.after')}>
        <FirstPassword username={username} code={password} next={next} />
      </Frame>
    )

  const asked = oidcError && !error ? new Problem(400, { code: oidcError }) : null
  const here = `/sign-in${next ? `?next=${encodeURIComponent(next)}` : ''}`
  const { password: byPassword = true, oidc } = methods.data ?? {}
  return (
    <Frame title={t('account:signIn.title')} lead={next && next !== '/' ? t('account:signIn.back') : undefined}>
      {asked && <ProblemNotice error={asked} />}
      {byPassword && (
        <form onSubmit={event => void submit(event)} className="flex flex-col gap-4">
          <TextField
            label={t('account:username')}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            value={username}
            onChange={event => setUsername(event.target.value)}
          />
          <PasswordField
            label={t('account:password')}
            hint={t('account:signIn.oneTime')}
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={event => setPassword(event.target.value)}
          />
          {problem === 'not_a_member' && (
            <TextField label={t('account:code')} name="code" autoComplete="off" value={code} onChange={event => setCode(event.target.value)} />
          )}
          <ProblemNotice error={error} />
          <Button type="submit" kind="primary" busy={busy}>
            {t('account:signIn.action')}
          </Button>
        </form>
      )}
      {oidc && (
        <a href={`${oidc.login}?return_to=${encodeURIComponent(here)}`} className={buttonStyle(byPassword ? 'secondary' : 'primary', 'mt-3 w-full')}>
          {t('account:signIn.oidc', { name: oidc.name })}
        </a>
      )}
      {methods.error && <ProblemNotice error={methods.error} />}
      {!byPassword && !oidc && <Notice kind="warn">{t('account:signIn.none')}</Notice>}
      <ul className="mt-6 flex flex-col gap-1 border-t border-line pt-4 text-sm">
        {byPassword && (
          <li>
            {t('account:signIn.new')}{' '}
            <Link to="/register" search={{ next }} className="inline-block py-1 font-medium text-accent underline">
              {t('account:register.title')}
            </Link>
          </li>
        )}
        <li>
          {t('account:signIn.hasCode')}{' '}
          <Link to="/join" className="inline-block py-1 font-medium text-accent underline">
            {t('account:join.title')}
          </Link>
        </li>
      </ul>
      <p className="mt-3 text-sm text-muted">{t('account:signIn.forgot')}</p>
    </Frame>
  )
}
