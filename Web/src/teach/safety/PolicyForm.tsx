import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery, meQuery } from '@/api/queries'
import { Button } from '@/ui/button'
import { CheckField, SelectField, TextArea, TextField } from '@/ui/field'
import { LeaveGuard } from '@/ui/leave'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { membersQuery } from './people'
import { faultOf, fieldsOf, policyOf, wordsOf, type Policy, type PolicyFields } from './policy'

interface PolicyFormProps {
  policy: Policy
  save: (policy: Policy) => Promise<Policy>
  onSaved: (policy: Policy) => void
}

/** What is moderated, by what, and what help is shown: of the organisation, or of one class. */
export function PolicyForm({ policy, save, onSaved }: PolicyFormProps) {
  const { t } = useTranslation('safety')
  const [saved, setSaved] = useState(() => fieldsOf(policy))
  const [fields, setFields] = useState(saved)
  const capabilities = useQuery(capabilitiesQuery).data
  const set = (part: Partial<PolicyFields>) => setFields(current => ({ ...current, ...part }))
  const fault = faultOf(wordsOf(fields.words))
  const changed = JSON.stringify(fields) !== JSON.stringify(saved)
  const change = useMutation({
    mutationFn: (sent: PolicyFields) => save(policyOf(sent)),
    onSuccess: (stored, sent) => {
      setSaved(fieldsOf(stored))
      setFields(current => (current === sent ? fieldsOf(stored) : current))
      onSaved(stored)
      say(t('safety:policy.saved'))
    },
  })
  const moderated = fields.questions || fields.answers
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={event => {
        event.preventDefault()
        change.mutate(fields)
      }}
    >
      <LeaveGuard when={changed} />
      <CheckField label={t('safety:policy.questions')} hint={t('safety:policy.questionsHint')} checked={fields.questions} onChange={event => set({ questions: event.target.checked })} />
      <CheckField label={t('safety:policy.answers')} hint={t('safety:policy.answersHint')} checked={fields.answers} onChange={event => set({ answers: event.target.checked })} />
      {moderated && (
        <div className="flex flex-col gap-5 border-s-2 border-line ps-5">
          <SelectField label={t('safety:policy.by')} hint={t(`safety:policy.byHint.${fields.by}`)} value={fields.by} onChange={event => set({ by: event.target.value as PolicyFields['by'] })}>
            <option value="words">{t('safety:policy.byWords')}</option>
            <option value="guard" disabled={capabilities && capabilities.model.kind !== 'model' && fields.by !== 'guard'}>
              {t('safety:policy.byGuard')}
            </option>
            <option value="moderations" disabled={capabilities && !capabilities.moderation && fields.by !== 'moderations'}>
              {t('safety:policy.byServer')}
            </option>
          </SelectField>
          {fields.by !== 'words' && (
            <SelectField label={t('safety:policy.away')} value={fields.whenUnavailable} onChange={event => set({ whenUnavailable: event.target.value as PolicyFields['whenUnavailable'] })}>
              <option value="refuse">{t('safety:policy.refuse')}</option>
              <option value="go_on">{t('safety:policy.goOn')}</option>
            </SelectField>
          )}
          <TextArea
            label={t('safety:policy.words')}
            hint={t('safety:policy.wordsHint')}
            error={fault && t(`safety:policy.fault.${fault}`)}
            value={fields.words}
            onChange={event => set({ words: event.target.value })}
            className="max-h-72"
          />
        </div>
      )}
      <TextArea label={t('safety:policy.help')} hint={t('safety:policy.helpHint')} placeholder={t('safety:policy.helpExample')} value={fields.helpText} onChange={event => set({ helpText: event.target.value })} maxLength={2000} />
      {fields.helpText.trim() && (
        <div className="flex flex-col gap-5 border-s-2 border-line ps-5">
          <TextField label={t('safety:policy.contact')} value={fields.helpContact} onChange={event => set({ helpContact: event.target.value })} maxLength={500} autoComplete="off" />
          <CheckField label={t('safety:policy.block')} hint={t('safety:policy.blockHint')} checked={fields.blockSelfHarm} onChange={event => set({ blockSelfHarm: event.target.checked })} />
          <Tell chosen={fields.tell} onChange={tell => set({ tell })} />
        </div>
      )}
      <CheckField label={t('safety:policy.consent')} hint={t('safety:policy.consentHint')} checked={fields.consent} onChange={event => set({ consent: event.target.checked })} />
      <ProblemNotice error={change.error} />
      <Button type="submit" kind="primary" busy={change.isPending} disabled={!changed || fault !== null} className="self-start">
        {t('app:save')}
      </Button>
    </form>
  )
}

/** Teachers who are told beside the owners. Only an owner can read who there is. */
function Tell({ chosen, onChange }: { chosen: readonly string[]; onChange: (chosen: string[]) => void }) {
  const { t } = useTranslation('safety')
  const owner = useQuery(meQuery).data?.role === 'owner'
  const teachers = useQuery({ ...membersQuery, enabled: owner }).data?.filter(member => member.role === 'teacher')
  if (!owner) return null
  return (
    <fieldset>
      <legend className="text-sm font-medium">{t('safety:policy.tell')}</legend>
      <p className="mb-2 text-sm text-muted">{teachers?.length ? t('safety:policy.tellHint') : t('safety:policy.tellNobody')}</p>
      <div className="flex flex-col gap-2">
        {teachers?.map(({ subject, name, username }) => (
          <CheckField
            key={subject}
            label={name || username}
            checked={chosen.includes(subject)}
            onChange={event => onChange(event.target.checked ? [...chosen, subject] : chosen.filter(one => one !== subject))}
          />
        ))}
      </div>
    </fieldset>
  )
}
