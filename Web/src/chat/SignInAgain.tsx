import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import { enter } from '@/app/session'
import { useConnection } from '@/events/useConnection'
import { usePerson } from '@/events/usePerson'
import { useStream } from '@/events/useStream'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'

/** The sign-in ran out: asks for it over the page, which keeps its text and goes on from its byte afterwards. */
export function SignInAgain() {
  const { t } = useTranslation('chat')
  const state = useConnection()
  const [later, setLater] = useState(false)
  if (state !== 'signed-out') return null
  return later ? (
    <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line bg-warn-tint px-4 py-2 text-sm text-warn">
      <span>{t('chat:signIn.needed')}</span>
      <Button onClick={() => setLater(false)}>{t('chat:signIn.action')}</Button>
    </div>
  ) : (
    <SignInDialog onClose={() => setLater(true)} />
  )
}

function SignInDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('chat')
  const stream = useStream()
  const queries = useQueryClient()
  const account = usePerson()?.account
  const [username, setUsername] = useState(account?.username ?? '')
  const [password, setPassword] = useState('')
  const signIn = useMutation({
    mutationFn: () => data(api.POST('/api/auth/login', { body: { username, password, cookie: true } })),
    // Another person's page is not this page.
    onSuccess: signed => {
      if (account && signed.account.id !== account.id) return enter('/')
      void queries.invalidateQueries({ queryKey: meQuery.queryKey })
      stream?.wake(true)
    },
  })
  return (
    <Dialog open onClose={onClose} title={t('chat:signIn.title')} description={t('chat:signIn.text')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          signIn.mutate()
        }}
      >
        <TextField label={t('chat:signIn.name')} autoComplete="username" value={username} onChange={event => setUsername(event.target.value)} required />
        <TextField label={t('chat:signIn.password')} type="password" autoComplete="current-password" value={password} onChange={event => setPassword(event.target.value)} required />
        <ProblemNotice error={signIn.error} />
        <div className="flex flex-wrap items-center justify-between gap-2">
          <a href="/sign-in" target="_blank" rel="noreferrer" className="text-sm text-accent underline underline-offset-2">
            {t('chat:signIn.otherWay')}
          </a>
          <Button type="submit" kind="primary" busy={signIn.isPending}>
            {t('chat:signIn.action')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
