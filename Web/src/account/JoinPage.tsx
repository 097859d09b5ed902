import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '@/api/problem'
import { meQuery } from '@/api/queries'
import type { Schema } from '@/api/types'
import { enter, enterTenant } from '@/app/session'
import { Button, buttonStyle } from '@/ui/button'
import { TextField } from '@/ui/field'
import { Loading } from '@/ui/loading'
import { ProblemNotice } from '@/ui/problem'
import { joinClass, joinQuery, tidyCode } from './account'
import { Frame } from './Frame'
import { RegisterForm } from './RegisterForm'
import { useSubmit } from './useSubmit'
import { WhatTeachersSee } from './WhatTeachersSee'

/** `/join`: the code is typed. */
export function EnterCodePage() {
  const { t } = useTranslation('account')
  const navigate = useNavigate()
  const [code, setCode] = useState('')
  return (
    <Frame title={t('account:join.title')} lead={t('account:join.lead')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          if (tidyCode(code)) void navigate({ to: '/join/$code', params: { code: tidyCode(code) } })
        }}
      >
        <TextField label={t('account:join.code')} hint={t('account:join.codeHint')} name="code" autoComplete="off" autoCapitalize="none" spellCheck={false} required value={code} onChange={event => setCode(event.target.value)} />
        <Button type="submit" kind="primary">
          {t('account:join.look')}
        </Button>
      </form>
      <Link to="/" className="mt-6 inline-block py-1 text-sm text-accent underline">
        {t('account:join.home')}
      </Link>
    </Frame>
  )
}

/** `/join/CODE`, what a QR code holds: the class and what its teachers will see, before anything is agreed to. */
export function JoinPage() {
  const { t } = useTranslation('account')
  const { code } = useParams({ from: '/join/$code' })
  const joined = useQuery(joinQuery(code))
  const me = useQuery(meQuery)
  if (joined.isPending || me.isPending) return <Loading />
  if (joined.error)
    return (
      <Frame title={t('account:join.title')}>
        <ProblemNotice error={joined.error} />
        <Link to="/join" className={buttonStyle('secondary', 'mt-4')}>
          {t('account:join.other')}
        </Link>
      </Frame>
    )
  return (
    <Frame title={joined.data.name} lead={t('account:join.of', { organisation: joined.data.organisation })}>
      <WhatTeachersSee visibility={joined.data.visibility} />
      {me.data ? <JoinSignedIn code={code} join={joined.data} me={me.data} onChanged={() => void joined.refetch()} /> : <JoinAnew code={code} />}
    </Frame>
  )
}

function JoinSignedIn({ code, join, me, onChanged }: { code: string; join: Schema['JoinView']; me: Schema['MeView']; onChanged: () => void }) {
  const { t } = useTranslation('account')
  const { busy, error, submit } = useSubmit(async () => {
    const membership = await joinClass(code, join.visibility)
    if (membership.tenant === me.tenant) enter('/')
    else await enterTenant(membership.tenant)
  })
  const changed = error instanceof Problem && error.code === 'conflict'
  return (
    <form onSubmit={event => void submit(event)} className="mt-6 flex flex-col gap-3">
      {me.account && <p className="text-sm text-muted">{t('account:join.as', { name: me.account.name, username: me.account.username })}</p>}
      <ProblemNotice error={error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" kind="primary" busy={busy}>
          {t('account:join.action')}
        </Button>
        {changed && <Button onClick={onChanged}>{t('account:join.again')}</Button>}
        <Link to="/" className={buttonStyle('quiet')}>
          {t('account:join.not')}
        </Link>
      </div>
    </form>
  )
}

function JoinAnew({ code }: { code: string }) {
  const { t } = useTranslation('account')
  return (
    <>
      <section className="mt-8">
        <h2 className="mb-3">{t('account:join.new')}</h2>
        <RegisterForm code={code} action={t('account:join.register')} onDone={() => enter('/')} />
      </section>
      <p className="mt-6 border-t border-line pt-4 text-sm">
        {t('account:register.has')}{' '}
        <Link to="/sign-in" search={{ next: `/join/${code}` }} className="inline-block py-1 font-medium text-accent underline">
          {t('account:join.signIn')}
        </Link>
      </p>
    </>
  )
}
