import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import { Button } from '@/ui/button'
import { TextField } from '@/ui/field'
import { Page, Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { TeachTabs } from '../TeachTabs'
import { Budgets } from './Budgets'
import { Retention } from './Retention'
import { Use } from './Use'

export function SchoolPage() {
  const { t } = useTranslation('school')
  const me = useQuery(meQuery).data
  const name = me?.memberships.find(one => one.tenant === me.tenant)?.name
  return (
    <Page title={t('school:title')} lead={name ?? undefined} above={<TeachTabs />}>
      {name !== undefined && (
        <Section title={t('school:name.title')}>
          <Name key={name} name={name} />
        </Section>
      )}
      <Section title={t('school:budgets.title')}>
        <Budgets />
      </Section>
      <Section title={t('school:use.title')}>
        <Use />
      </Section>
      <Section title={t('school:retention.title')}>
        <Retention />
      </Section>
    </Page>
  )
}

function Name({ name }: { name: string }) {
  const { t } = useTranslation('school')
  const [typed, setTyped] = useState(name)
  const cache = useQueryClient()
  const change = useMutation({
    mutationFn: () => data(api.PATCH('/api/tenant', { body: { name: typed.trim() } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: meQuery.queryKey })
      say(t('school:saved'))
    },
  })
  return (
    <form
      className="flex max-w-xl flex-col items-stretch gap-3"
      onSubmit={event => {
        event.preventDefault()
        change.mutate()
      }}
    >
      <TextField label={t('school:name.label')} hint={t('school:name.hint')} value={typed} onChange={event => setTyped(event.target.value)} maxLength={100} required autoComplete="off" />
      <ProblemNotice error={change.error} />
      <Button type="submit" busy={change.isPending} disabled={!typed.trim() || typed.trim() === name} className="self-start">
        {t('app:save')}
      </Button>
    </form>
  )
}
