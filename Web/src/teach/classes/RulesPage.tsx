import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { SelectField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { ConsentList } from '../safety/ConsentList'
import { PolicyForm } from '../safety/PolicyForm'
import { ClassFrame, useChangeClass } from './ClassFrame'
import { classMembersQuery, type Class } from './queries'

export function RulesPage() {
  return <ClassFrame>{of => <Rules of={of} />}</ClassFrame>
}

function Rules({ of }: { of: Class }) {
  const { t } = useTranslation(['classes', 'safety'])
  const cache = useQueryClient()
  const key = ['classes', of.id, 'policy']
  const policy = useQuery({ queryKey: key, queryFn: () => data(api.GET('/api/classes/{id}/policy', { params: { path: { id: of.id } } })) })
  const members = useQuery(classMembersQuery(of.id))
  return (
    <>
      <Visibility of={of} />
      <Section title={t('classes:rules.policy')}>
        <p className="mb-4 text-muted">{t('classes:rules.policyText')}</p>
        <Loaded query={policy}>
          {found => (
            <PolicyForm
              policy={found}
              save={body => data(api.PUT('/api/classes/{id}/policy', { params: { path: { id: of.id } }, body }))}
              onSaved={saved => cache.setQueryData(key, saved)}
            />
          )}
        </Loaded>
      </Section>
      <Section title={t('safety:consents.title')}>
        <Loaded query={members}>{list => <ConsentList students={list} />}</Loaded>
      </Section>
    </>
  )
}

function Visibility({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const [chosen, setChosen] = useState(of.visibility)
  const change = useChangeClass(of.id, () => say(t('classes:rules.saved')))
  return (
    <Section title={t('classes:visibility.label')}>
      <form
        className="flex flex-col items-start gap-4"
        onSubmit={event => {
          event.preventDefault()
          change.mutate({ visibility: chosen })
        }}
      >
        <SelectField bare label={t('classes:visibility.label')} hint={t(`classes:visibility.hint.${chosen}`)} value={chosen} onChange={event => setChosen(event.target.value)}>
          <option value="progress">{t('classes:visibility.progress')}</option>
          <option value="conversations">{t('classes:visibility.conversations')}</option>
        </SelectField>
        {chosen !== of.visibility && <p className="text-sm text-muted">{t('classes:visibility.change')}</p>}
        <ProblemNotice error={change.error} />
        <Button type="submit" busy={change.isPending} disabled={chosen === of.visibility}>
          {t('app:save')}
        </Button>
      </form>
    </Section>
  )
}
