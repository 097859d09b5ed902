import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { TextField } from '@/ui/field'
import { PasswordField } from '@/ui/password'
import { ProblemNotice } from '@/ui/problem'
import { register } from './account'
import { faultsOf, serverFaults, type Faults } from './fields'
import { useSubmit } from './useSubmit'

interface RegisterFormProps {
  /** Given by a link: not asked for. */
  code?: string
  /** What the button says. */
  action: string
  onDone: () => void
}

export function RegisterForm({ code, action, onDone }: RegisterFormProps) {
  const { t } = useTranslation('account')
  const [fields, setFields] = useState({ name: '', username: '', password: '', code: code ?? '' })
  const [faults, setFaults] = useState<Faults>({})
  const change = (name: keyof typeof fields) => (event: { target: { value: string } }) => {
    setFields({ ...fields, [name]: event.target.value })
    if (name in faults) setFaults({ ...faults, [name]: undefined })
  }
  const { busy, error, submit } = useSubmit(async () => {
    const found = faultsOf(fields, t)
    setFaults(found)
    if (Object.keys(found).length > 0) return false
    await register(fields)
    onDone()
  })
  const told = serverFaults(error, t)
  const shown: Faults = { ...told, ...faults }
  return (
    <form noValidate onSubmit={event => void submit(event)} className="flex flex-col gap-4">
      <TextField label={t('account:register.name')} hint={t('account:register.nameHint')} name="name" autoComplete="name" maxLength={100} value={fields.name} onChange={change('name')} />
      <TextField
        label={t('account:username')}
        hint={t('account:register.usernameHint')}
        error={shown.username}
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        value={fields.username}
        onChange={change('username')}
      />
      <PasswordField
        label={t('account:password')}
        hint={t('account:passwordHint')}
        error={shown.password}
        name="password"
        autoComplete="new-password"
        required
        value={fields.password}
        onChange={change('password')}
      />
      {code === undefined && (
        <TextField label={t('account:register.code')} hint={t('account:register.codeHint')} error={shown.code} name="code" autoComplete="off" autoCapitalize="none" spellCheck={false} value={fields.code} onChange={change('code')} />
      )}
      {(!told || (code !== undefined && told.code)) && <ProblemNotice error={error} />}
      <Button type="submit" kind="primary" busy={busy}>
        {action}
      </Button>
    </form>
  )
}
