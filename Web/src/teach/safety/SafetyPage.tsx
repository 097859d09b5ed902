import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import { Loaded } from '@/ui/loaded'
import { Page, Section } from '@/ui/page'
import { TeachTabs } from '../TeachTabs'
import { Concerns } from './Concerns'
import { ConsentList } from './ConsentList'
import { membersQuery } from './people'
import { PolicyForm } from './PolicyForm'
import { Verdicts } from './Verdicts'

export function SafetyPage() {
  const { t } = useTranslation('safety')
  const owner = useQuery(meQuery).data?.role === 'owner'
  return (
    <Page title={t('safety:title')} lead={t('safety:lead')} above={<TeachTabs />}>
      <Section title={t('safety:concerns.title')}>
        <Concerns />
      </Section>
      {owner && (
        <>
          <Section title={t('safety:verdicts.title')}>
            <Verdicts />
          </Section>
          <Section title={t('safety:policy.title')}>
            <SchoolPolicy />
          </Section>
          <Section title={t('safety:consents.title')}>
            <SchoolConsents />
          </Section>
        </>
      )}
    </Page>
  )
}

function SchoolPolicy() {
  const { t } = useTranslation('safety')
  const cache = useQueryClient()
  const key = ['tenant', 'policy']
  const policy = useQuery({ queryKey: key, queryFn: () => data(api.GET('/api/tenant/policy')) })
  return (
    <>
      <p className="mb-4 text-muted">{t('safety:policy.text')}</p>
      <Loaded query={policy}>
        {found => <PolicyForm policy={found} save={body => data(api.PUT('/api/tenant/policy', { body }))} onSaved={saved => cache.setQueryData(key, saved)} />}
      </Loaded>
    </>
  )
}

function SchoolConsents() {
  const members = useQuery({ ...membersQuery, select: list => list.filter(member => member.role === 'student') })
  return <Loaded query={members}>{list => <ConsentList students={list} />}</Loaded>
}
