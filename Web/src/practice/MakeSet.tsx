import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '@/app/query'
import { meQuery } from '@/api/queries'
import type { Schema } from '@/api/types'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { SelectField, TextField } from '@/ui/field'
import { ProblemNotice } from '@/ui/problem'
import { uuid } from '@/ui/uuid'
import { conversationsQuery, makeSet, planQuery, plansQuery, sourcesQuery, tutorsQuery } from './api'

const kinds = ['concept', 'kb', 'conversation'] as const
type Kind = (typeof kinds)[number]

interface Search {
  make?: 1
  plan?: string
  concept?: string
  conversation?: string
}

/** Makes a set from a concept, from material, or from a conversation. What it opens with comes from the address. */
export function MakeSet({ search, onClose }: { search: Search; onClose: () => void }) {
  const { t } = useTranslation('practice')
  return (
    <Dialog open={search.make === 1} onClose={onClose} title={t('practice:make.title')} description={t('practice:make.text')}>
      <Form search={search} />
    </Dialog>
  )
}

function Form({ search }: { search: Search }) {
  const { t } = useTranslation('practice')
  const navigate = useNavigate()
  const [kind, setKind] = useState<Kind>(search.conversation ? 'conversation' : 'concept')
  const [plan, setPlan] = useState(search.plan ?? '')
  const [concept, setConcept] = useState(search.concept ?? '')
  const [material, setMaterial] = useState('')
  const [topic, setTopic] = useState('')
  const [conversation, setConversation] = useState(search.conversation ?? '')
  const [count, setCount] = useState('8')
  const [key] = useState(uuid)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const [incomplete, setIncomplete] = useState(false)

  const from = (): Schema['SetOrigin'] | null => {
    if (kind === 'concept') return plan && concept ? { kind, task_id: plan, concept_id: concept } : null
    if (kind === 'conversation') return conversation ? { kind, conversation_id: conversation } : null
    if (!material || !topic.trim()) return null
    const id = material.slice(material.indexOf(':') + 1)
    return { kind, topic: topic.trim(), ...(material.startsWith('tutor:') ? { tutor_id: Number(id) } : { kb_id: id }) }
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const origin = from()
    setIncomplete(!origin)
    if (!origin) return
    setBusy(true)
    setProblem(null)
    try {
      const { set_id } = await makeSet(origin, Math.min(30, Math.max(1, Number(count) || 8)), `${key}:${JSON.stringify([origin, count])}`.slice(0, 200))
      void queries.invalidateQueries({ queryKey: ['practice', 'tasks'] })
      await navigate({ to: '/practice/$set', params: { set: set_id }, search: { making: 1 } })
    } catch (error) {
      setProblem(error)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={event => void submit(event)} className="flex flex-col gap-4" noValidate>
      <fieldset>
        <legend className="mb-1.5 text-sm font-medium">{t('practice:make.from')}</legend>
        <div className="flex flex-col gap-1">
          {kinds.map(one => (
            <label key={one} className="flex min-h-9 items-center gap-3 text-sm">
              <input type="radio" name="kind" checked={kind === one} onChange={() => setKind(one)} className="size-4.5 accent-accent" />
              {t(`practice:make.kind.${one}`)}
            </label>
          ))}
        </div>
      </fieldset>
      {kind === 'concept' && (
        <ConceptFields
          plan={plan}
          concept={concept}
          onPlan={id => {
            setPlan(id)
            setConcept('')
          }}
          onConcept={setConcept}
        />
      )}
      {kind === 'kb' && <MaterialFields material={material} topic={topic} onMaterial={setMaterial} onTopic={setTopic} />}
      {kind === 'conversation' && <ConversationField value={conversation} onChange={setConversation} />}
      <TextField label={t('practice:make.count')} hint={t('practice:make.countHint')} type="number" min={1} max={30} inputMode="numeric" value={count} onChange={event => setCount(event.target.value)} />
      {incomplete && (
        <p role="alert" className="text-sm text-bad">
          {t('practice:make.incomplete')}
        </p>
      )}
      <ProblemNotice error={problem} />
      <div>
        <Button type="submit" kind="primary" busy={busy}>
          {t('practice:make.submit')}
        </Button>
      </div>
    </form>
  )
}

function ConceptFields({ plan, concept, onPlan, onConcept }: { plan: string; concept: string; onPlan: (id: string) => void; onConcept: (id: string) => void }) {
  const { t } = useTranslation('practice')
  const plans = useQuery(plansQuery)
  const chosen = useQuery(planQuery(plan))
  if (plans.isSuccess && plans.data.length === 0 && !plan) return <p className="text-sm text-muted">{t('practice:make.noPlan')}</p>
  const known = plans.data?.some(one => one.task_id === plan)
  return (
    <>
      <SelectField label={t('practice:make.plan')} value={plan} onChange={event => onPlan(event.target.value)}>
        <option value="">{t('practice:make.choose')}</option>
        {/* A plan of a class is not in one's own list. */}
        {plan && !known && <option value={plan}>{chosen.data?.title ?? '…'}</option>}
        {plans.data?.map(one => (
          <option key={one.task_id} value={one.task_id}>
            {one.user_query}
          </option>
        ))}
      </SelectField>
      {plan && (
        <SelectField label={t('practice:make.concept')} value={concept} onChange={event => onConcept(event.target.value)}>
          <option value="">{t('practice:make.choose')}</option>
          {chosen.data?.concepts.map(one => (
            <option key={one.concept_id} value={one.concept_id}>
              {one.title}
            </option>
          ))}
        </SelectField>
      )}
      <ProblemNotice error={plans.error ?? chosen.error} />
    </>
  )
}

function MaterialFields({ material, topic, onMaterial, onTopic }: { material: string; topic: string; onMaterial: (id: string) => void; onTopic: (text: string) => void }) {
  const { t } = useTranslation('practice')
  const me = useQuery(meQuery).data
  const teaches = me?.scopes.includes('tutors') ?? false
  const tutors = useQuery(tutorsQuery)
  const sources = useQuery({ ...sourcesQuery, enabled: teaches })
  const none = tutors.data?.length === 0 && !sources.data?.length
  if (none) return <p className="text-sm text-muted">{teaches ? t('practice:make.noMaterial') : t('practice:make.noTutor')}</p>
  return (
    <>
      <SelectField label={t('practice:make.material')} value={material} onChange={event => onMaterial(event.target.value)}>
        <option value="">{t('practice:make.choose')}</option>
        {!!tutors.data?.length && (
          <optgroup label={t('practice:make.tutors')}>
            {tutors.data.map(one => (
              <option key={one.id} value={`tutor:${one.id}`}>
                {one.name}
              </option>
            ))}
          </optgroup>
        )}
        {!!sources.data?.length && (
          <optgroup label={t('practice:make.sources')}>
            {sources.data.map(one => (
              <option key={one.kb_id} value={`kb:${one.kb_id}`}>
                {one.title || one.kb_id}
              </option>
            ))}
          </optgroup>
        )}
      </SelectField>
      <TextField label={t('practice:make.topic')} hint={t('practice:make.topicHint')} value={topic} onChange={event => onTopic(event.target.value)} maxLength={200} />
      <ProblemNotice error={tutors.error ?? sources.error} />
    </>
  )
}

function ConversationField({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const { t } = useTranslation('practice')
  const conversations = useQuery(conversationsQuery)
  if (conversations.data?.length === 0 && !value) return <p className="text-sm text-muted">{t('practice:make.noConversation')}</p>
  const known = conversations.data?.some(one => one.id === value)
  return (
    <>
      <SelectField label={t('practice:make.conversation')} value={value} onChange={event => onChange(event.target.value)}>
        <option value="">{t('practice:make.choose')}</option>
        {value && conversations.data && !known && <option value={value}>{t('practice:make.thisConversation')}</option>}
        {conversations.data?.map(one => (
          <option key={one.id} value={one.id}>
            {one.title || t('practice:make.untitled')}
          </option>
        ))}
      </SelectField>
      <ProblemNotice error={conversations.error} />
    </>
  )
}
