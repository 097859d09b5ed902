import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { enter } from '@/app/session'
import { Button } from '@/ui/button'
import { TextField } from '@/ui/field'
import { PasswordField } from '@/ui/password'
import { ProblemNotice } from '@/ui/problem'
import { setFirstPassword } from './account'
import { faultsOf, serverFaults, type Faults } from './fields'
import { Frame } from './Frame'
import { ownPath } from './next'
import { useSubmit } from './useSubmit'

/** With the one-time code that a teacher printed: a password of one's own. */
export function FirstPassword({ username = '', code = '', next }: { username?: string; code?: string; next?: string }) {
  const { t } = useTranslation('account')
  const [fields, setFields] = useState({ username, code, password: '' })
  const [faults, setFaults] = useState<Faults>({})
  const change = (name: keyof typeof fields) => (event: { target: { value: string } }) => setFields({ ...fields, [name]: event.target.value })
  const { busy, error, submit } = useSubmit(async () => {
    const found = faultsOf({ password: fields.password }, t)
    setFaults(found)
    if (Object.keys(found).length > 0) return false
    await setFirstPassword(fields.username, fields.code, fields.password)
    enter(ownPath(next))
  })
  const told = serverFaults(error, t)
  return (
    <form onSubmit={event => void submit(event)} className="flex flex-col gap-4">
      <TextField label={t('account:username')} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required value={fields.username} onChange={change('username')} />
      <TextField label={t('account:first.code')} name="code" autoComplete="one-time-code" autoCapitalize="none" spellCheck={false} required value={fields.code} onChange={change('code')} />
      <PasswordField
        label={t('account:first.password')}
        hint={t('account:passwordHint')}
        error={told?.password ?? faults.password}
        name="new-password"
        autoComplete="new-password"
        required
        value={fields.password}
        onChange={change('password')}
      />
      {!told && <ProblemNotice error={error} />}
      <Button type="submit" kind="primary" busy={busy}>
        {t('account:first.action')}
      </Button>
    </form>
  )
}

export function FirstPasswordPage() {
  const { t } = useTranslation('account')
  const { next } = useSearch({ from: '/sign-in/first' })
  return (
    <Frame title={t('account:first.title')} lead={t('account:first.lead')}>
      <FirstPassword next={next} />
    </Frame>
  )
}
