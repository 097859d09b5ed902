import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Problem } from '@/api/problem'
import { meQuery } from '@/api/queries'
import { forget } from '@/app/session'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Section } from '@/ui/page'
import { PasswordField } from '@/ui/password'
import { ProblemNotice } from '@/ui/problem'

export function DeleteAccount() {
  const { t } = useTranslation('settings')
  const account = useQuery(meQuery).data?.account
  const [open, setOpen] = useState(false)
  const [password, setPassword] = useState('')
  const erase = useMutation({
    mutationFn: async () => {
      const erasure = await data(api.DELETE('/api/me', { body: { password: password || null } }))
      await forget()
      location.replace(`/sign-in/erased/${erasure.id}`)
    },
  })
  const wrong = erase.error instanceof Problem && erase.error.code === 'invalid_credentials'
  const close = () => {
    setOpen(false)
    setPassword('')
    erase.reset()
  }
  if (!account) return null
  return (
    <Section title={t('settings:delete.title')}>
      <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:delete.text')}</p>
      <Button kind="danger" onClick={() => setOpen(true)}>
        {t('settings:delete.action')}
      </Button>
      <Dialog open={open} onClose={close} title={t('settings:delete.sure')} description={t('settings:delete.what')}>
        <form
          className="flex flex-col gap-4"
          onSubmit={event => {
            event.preventDefault()
            erase.mutate()
          }}
        >
          <input type="text" name="username" autoComplete="username" value={account.username} readOnly hidden />
          <PasswordField
            label={t('settings:delete.password')}
            hint={t('settings:delete.passwordHint')}
            error={wrong && t('settings:password.wrong')}
            name="password"
            autoComplete="current-password"
            value={password}
            onChange={event => setPassword(event.target.value)}
          />
          {!wrong && <ProblemNotice error={erase.error} />}
          <div className="flex flex-wrap justify-end gap-2">
            <Button onClick={close}>{t('app:cancel')}</Button>
            <Button type="submit" kind="danger" busy={erase.isPending}>
              {t('settings:delete.action')}
            </Button>
          </div>
        </form>
      </Dialog>
    </Section>
  )
}
