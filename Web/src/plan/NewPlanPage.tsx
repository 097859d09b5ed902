import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '@/app/query'
import { meQuery } from '@/api/queries'
import { languages } from '@/i18n'
import { Button } from '@/ui/button'
import { CheckField, SelectField, TextArea, TextField } from '@/ui/field'
import { Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { uuid } from '@/ui/uuid'
import { makePlan, sourcesQuery, tutorsQuery } from './api'

const route = getRouteApi('/signed-in/plans/new')
const styles = ['visual', 'auditory', 'reading', 'hands_on'] as const
const levels = ['beginner', 'intermediate', 'advanced'] as const

/** A day as `yyyy-mm-dd`, so many days from now. */
const dayFrom = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

export function NewPlanPage() {
  const { t, i18n } = useTranslation('plan')
  const navigate = useNavigate()
  const search = route.useSearch()
  const [goal, setGoal] = useState(search.goal ?? '')
  const [level, setLevel] = useState<string>('beginner')
  const [hours, setHours] = useState('5')
  const [style, setStyle] = useState<readonly string[]>(['reading', 'hands_on'])
  const [language, setLanguage] = useState(i18n.language.startsWith('zh') ? 'zh' : 'en')
  const [material, setMaterial] = useState('')
  const [deadline, setDeadline] = useState('')
  const [key] = useState(uuid)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)

  const number = Number(hours)
  const faults = {
    goal: goal.trim() ? null : t('plan:new.goalMissing'),
    hours: number >= 0.5 && number <= 80 && (number * 2) % 1 === 0 ? null : t('plan:new.hoursWrong'),
    deadline: !deadline || deadline >= dayFrom(7) ? null : t('plan:new.deadlineWrong'),
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    const wrong = Object.entries(faults).find(([, fault]) => fault)
    if (wrong) return document.getElementById(`plan-${wrong[0]}`)?.focus()
    setBusy(true)
    setProblem(null)
    const [kind, id] = [material.slice(0, material.indexOf(':')), material.slice(material.indexOf(':') + 1)]
    const body = {
      user_query: goal.trim(),
      level,
      preferences: { weekly_commitment_hours: number, learning_style: [...style], primary_language: language },
      ...(deadline ? { deadline } : {}),
      ...(kind === 'tutor' ? { tutor_id: Number(id) } : kind === 'kb' ? { kb_id: id } : {}),
    }
    try {
      const task = await makePlan(body, idempotencyKey(key, body))
      void queries.invalidateQueries({ queryKey: ['plan', 'list'] })
      void queries.invalidateQueries({ queryKey: ['today'] })
      await navigate({ to: '/plans/$task', params: { task: task.task_id } })
    } catch (error) {
      setProblem(error)
      setBusy(false)
    }
  }
  return (
    <Page title={t('plan:new.title')} lead={t('plan:new.lead')}>
      <form onSubmit={event => void submit(event)} className="flex max-w-read flex-col gap-6" noValidate>
        <TextArea
          id="plan-goal"
          label={t('plan:new.goal')}
          hint={t('plan:new.goalHint')}
          error={tried && faults.goal}
          value={goal}
          onChange={event => setGoal(event.target.value)}
          maxLength={2000}
        />
        <div className="grid gap-6 sm:grid-cols-2">
          <SelectField label={t('plan:new.level')} value={level} onChange={event => setLevel(event.target.value)}>
            {levels.map(one => (
              <option key={one} value={one}>
                {t(`plan:level.${one}`)}
              </option>
            ))}
          </SelectField>
          <TextField
            id="plan-hours"
            label={t('plan:new.hours')}
            error={tried && faults.hours}
            type="number"
            min={0.5}
            max={80}
            step={0.5}
            inputMode="decimal"
            value={hours}
            onChange={event => setHours(event.target.value)}
          />
          <SelectField label={t('plan:new.language')} value={language} onChange={event => setLanguage(event.target.value)}>
            {Object.entries(languages).map(([tag, name]) => (
              <option key={tag} value={tag}>
                {name}
              </option>
            ))}
          </SelectField>
          <TextField
            id="plan-deadline"
            label={t('plan:new.deadline')}
            hint={t('plan:new.deadlineHint')}
            error={tried && faults.deadline}
            type="date"
            min={dayFrom(7)}
            value={deadline}
            onChange={event => setDeadline(event.target.value)}
          />
        </div>
        <fieldset>
          <legend className="mb-2 text-sm font-medium">{t('plan:new.style')}</legend>
          <div className="grid gap-2 sm:grid-cols-2">
            {styles.map(one => (
              <CheckField
                key={one}
                label={t(`plan:style.${one}`)}
                checked={style.includes(one)}
                onChange={event => setStyle(event.target.checked ? [...style, one] : style.filter(other => other !== one))}
              />
            ))}
          </div>
        </fieldset>
        <MaterialField value={material} onChange={setMaterial} />
        <ProblemNotice error={problem} />
        <div>
          <Button type="submit" kind="primary" busy={busy}>
            {t('plan:new.submit')}
          </Button>
        </div>
      </form>
    </Page>
  )
}

/** One key for one request: sent again after a lost answer it is the same plan, changed it is another one. */
function idempotencyKey(base: string, body: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  // No crypto.subtle on plain http; this needs no strength.
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return `${base}-${hash.toString(36)}-${bytes.length}`
}

function MaterialField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation('plan')
  const me = useQuery(meQuery).data
  const tutors = useQuery(tutorsQuery)
  const sources = useQuery({ ...sourcesQuery, enabled: me?.scopes.includes('tutors') ?? false })
  if (!tutors.data?.length && !sources.data?.length) return null
  return (
    <SelectField label={t('plan:new.material')} hint={t('plan:new.materialHint')} value={value} onChange={event => onChange(event.target.value)}>
      <option value="">{t('plan:new.noMaterial')}</option>
      {!!tutors.data?.length && (
        <optgroup label={t('plan:new.tutors')}>
          {tutors.data.map(one => (
            <option key={one.id} value={`tutor:${one.id}`}>
              {one.name}
            </option>
          ))}
        </optgroup>
      )}
      {!!sources.data?.length && (
        <optgroup label={t('plan:new.sources')}>
          {sources.data.map(one => (
            <option key={one.kb_id} value={`kb:${one.kb_id}`}>
              {one.title || one.kb_id}
            </option>
          ))}
        </optgroup>
      )}
    </SelectField>
  )
}
