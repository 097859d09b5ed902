import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Notice } from '@/ui/notice'
import { Page, Section } from '@/ui/page'
import { Budgets } from './Budgets'
import { Engines } from './Engines'
import { Events } from './Events'
import { Health } from './Health'
import { LoadNow } from './LoadNow'
import { Refusals, Routes } from './Requests'
import { Tasks } from './Tasks'
import { Tools } from './Tools'

/** What the gateway says to programs, and to who wants to read it raw. */
const documents = ['/metrics', '/health', '/version', '/openapi/v1.json']

/** For who runs the installation: what runs, how it is, and what is to be done. */
export function OperatePage() {
  const { t } = useTranslation('operate')
  const scopes = useQuery(meQuery).data?.scopes ?? []
  if (!scopes.includes('ops'))
    return (
      <Page title={t('operate:title')}>
        <Notice kind="warn">{t('operate:notOperator')}</Notice>
      </Page>
    )
  return (
    <Page wide title={t('operate:title')} lead={t('operate:lead')}>
      <Section title={t('operate:health.title')}>
        <Health />
      </Section>
      <Section title={t('operate:load.title')}>
        <LoadNow />
      </Section>
      <Section title={t('operate:engines.title')}>
        <Engines />
      </Section>
      <Section title={t('operate:requests.title')}>
        <Routes />
      </Section>
      <Section title={t('operate:refusals.title')}>
        <Refusals />
      </Section>
      <Section title={t('operate:tasks.title')}>
        <Tasks />
      </Section>
      <Section title={t('operate:budgets.title')}>
        <Budgets />
      </Section>
      {scopes.includes('tools.admin') && (
        <Section title={t('operate:tools.title')}>
          <Tools />
        </Section>
      )}
      {scopes.includes('observe') && (
        <Section title={t('operate:events.title')}>
          <Events />
        </Section>
      )}
      <Section title={t('operate:more.title')}>
        <p className="max-w-read text-muted">{t('operate:more.text')}</p>
        <ul className="mt-2 flex flex-wrap gap-x-5 gap-y-1">
          {documents.map(path => (
            <li key={path}>
              <a href={path} target="_blank" rel="noreferrer" className="inline-flex min-h-8 items-center font-mono text-sm text-accent underline underline-offset-4">
                {path}
              </a>
            </li>
          ))}
        </ul>
      </Section>
    </Page>
  )
}
