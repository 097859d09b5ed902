import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '@/api/problem'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import { leave } from '@/app/session'
import { Button } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { Section } from '@/ui/page'
import { PasswordField } from '@/ui/password'
import { ProblemNotice } from '@/ui/problem'
import { dateTimeText, relativeTime } from '@/ui/time'
import { say } from '@/ui/toast'
import { deviceName } from './device'
import { Frame, listStyle, Row } from './Frame'

export function SecurityPage() {
  const { t } = useTranslation('settings')
  const signOut = useMutation({ mutationFn: leave })
  return (
    <Frame part="security">
      <SignIns />
      <ChangePassword />
      <Section title={t('settings:out.title')}>
        <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:out.text')}</p>
        <ProblemNotice error={signOut.error} />
        <Button busy={signOut.isPending} onClick={() => signOut.mutate()}>
          {t('app:signOut')}
        </Button>
      </Section>
    </Frame>
  )
}

function SignIns() {
  const { t } = useTranslation('settings')
  const cache = useQueryClient()
  const list = useRef<HTMLUListElement>(null)
  const key = ['settings', 'sign-ins']
  const signIns = useQuery({ queryKey: key, queryFn: () => data(api.GET('/api/me/sign-ins')).then(answer => answer.sign_ins) })
  const end = useMutation({
    mutationFn: (id: string) => data(api.DELETE('/api/me/sign-ins/{id}', { params: { path: { id } } })),
    onSuccess: async (_, id) => {
      const at = signIns.data?.findIndex(one => one.id === id) ?? 0
      await cache.invalidateQueries({ queryKey: key })
      say(t('settings:signIns.ended'))
      // The focus goes on to the next one in the list, once it is drawn.
      setTimeout(() => {
        const buttons = list.current?.querySelectorAll('button')
        ;(buttons?.[Math.min(at, buttons.length - 1)] ?? list.current)?.focus()
      }, 50)
    },
  })
  return (
    <Section title={t('settings:signIns.title')}>
      <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:signIns.text')}</p>
      {signIns.isPending && <Loading />}
      <ProblemNotice error={signIns.error ?? end.error} />
      {signIns.data && (
        <ul ref={list} tabIndex={-1} className={listStyle}>
          {signIns.data.map(one => {
            const device = deviceName(one.device ?? null) ?? t('settings:signIns.unknown')
            return (
              <li key={one.id}>
                <Row
                  actions={
                    <Button
                      busy={end.isPending && end.variables === one.id}
                      aria-label={t('settings:signIns.endOf', { device, at: dateTimeText(one.created_at) })}
                      onClick={() => end.mutate(one.id)}
                    >
                      {t('settings:signIns.end')}
                    </Button>
                  }
                >
                  <p className="font-medium">{device}</p>
                  <p className="text-muted">{t('settings:signIns.when', { since: dateTimeText(one.created_at), last: relativeTime(one.refreshed_at) })}</p>
                </Row>
              </li>
            )
          })}
        </ul>
      )}
    </Section>
  )
}

function ChangePassword() {
  const { t } = useTranslation('settings')
  const cache = useQueryClient()
  const account = useQuery(meQuery).data?.account
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [short, setShort] = useState(false)
  const change = useMutation({
    mutationFn: () => data(api.POST('/api/auth/change-password', { body: { current_password: current, new_password: next, cookie: true } })),
    onSuccess: () => {
      setCurrent('')
      setNext('')
      say(t('settings:password.changed'))
      void cache.invalidateQueries({ queryKey: ['settings', 'sign-ins'] })
    },
  })
  if (!account) return null
  const weak = change.error instanceof Problem && (change.error.code === 'weak_password' || !!change.error.errors.new_password)
  const wrong = change.error instanceof Problem && change.error.code === 'invalid_credentials'
  return (
    <Section title={t('settings:password.title')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          const isShort = [...next].length < 12
          setShort(isShort)
          if (!isShort) change.mutate()
        }}
      >
        {/* For password managers: whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={account.username} readOnly hidden />
        <PasswordField label={t('settings:password.current')} error={wrong && t('settings:password.wrong')} name="current-password" autoComplete="current-password" required value={current} onChange={event => setCurrent(event.target.value)} />
        <PasswordField
          label={t('settings:password.new')}
          hint={t('settings:password.hint')}
          error={short ? t('settings:password.short') : weak && t('problems:weak_password')}
          name="new-password"
          autoComplete="new-password"
          required
          value={next}
          onChange={event => setNext(event.target.value)}
        />
        {!weak && !wrong && <ProblemNotice error={change.error} />}
        <div>
          <Button type="submit" busy={change.isPending}>
            {t('settings:password.action')}
          </Button>
        </div>
      </form>
    </Section>
  )
}
