import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button, IconButton } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { SelectField, TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Meter } from '@/ui/meter'
import { ProblemNotice } from '@/ui/problem'
import { numberText } from '@/ui/time'
import { useDeleted } from '@/ui/deleted'
import { say } from '@/ui/toast'
import { membersQuery, useNames } from '../safety/people'

export const budgetsQuery = queryOptions({ queryKey: ['budgets'], queryFn: () => data(api.GET('/api/budgets')) })

type Budget = Schema['SetBudget']
const periods = ['day', 'month', 'total', 'hour'] as const

/** What people may use of the model: the school together, everybody, single ones. */
export function Budgets() {
  const { t } = useTranslation('school')
  const budgets = useQuery(budgetsQuery)
  const name = useNames()
  const cache = useQueryClient()
  const { list: box, deleted, finalFocus } = useDeleted<HTMLDivElement>()
  const [removing, setRemoving] = useState<Budget | null>(null)
  const [editing, setEditing] = useState<Partial<Budget> | null>(null)
  const remove = useMutation({
    mutationFn: (person: string | null | undefined) => data(api.DELETE('/api/budgets', { params: { query: { person: person ?? undefined } } })),
    onSuccess: () => {
      deleted()
      setRemoving(null)
      void cache.invalidateQueries({ queryKey: budgetsQuery.queryKey })
      say(t('school:budgets.removed'))
    },
  })
  const of = (person: string | null | undefined) => (!person ? t('school:budgets.school') : person === '*' ? t('school:budgets.everybody') : name(person))
  return (
    <>
      <p className="mb-4 text-muted">{t('school:budgets.text')}</p>
      <div ref={box} tabIndex={-1} className="outline-none">
        <Loaded query={budgets}>
          {found => (
            <>
              {found.student_daily_tokens != null && <p className="mb-3 text-sm text-muted">{t('school:budgets.students', { tokens: numberText(found.student_daily_tokens) })}</p>}
              {found.budgets.length > 0 && (
                <ul className="mb-4 rounded-card border border-line bg-raised">
                  {found.budgets.map(budget => (
                    <li key={budget.person ?? ''} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2 ps-4 pe-2 last:border-0">
                      <div className="min-w-40 flex-1">
                        <p className="font-medium">{of(budget.person)}</p>
                        <p className="text-sm text-muted">{t(`school:budgets.amount.${budget.period}`, { tokens: numberText(budget.model_tokens) })}</p>
                      </div>
                      {budget.used != null && budget.model_tokens > 0 && (
                        <div className="text-sm">
                          <span className="sr-only">{t('school:budgets.used')} </span>
                          <Meter value={Math.min(1, budget.used / budget.model_tokens)} />
                        </div>
                      )}
                      <span className="flex">
                        <IconButton label={t('school:budgets.edit', { name: of(budget.person) })} onClick={() => setEditing(budget)}>
                          <Pencil aria-hidden />
                        </IconButton>
                        <IconButton label={t('school:budgets.remove', { name: of(budget.person) })} onClick={() => setRemoving(budget)}>
                          <Trash2 aria-hidden />
                        </IconButton>
                      </span>
                    </li>
                  ))}
                </ul>
              )}
            </>
          )}
        </Loaded>
      </div>
      <Confirm
        open={removing !== null}
        onClose={() => setRemoving(null)}
        onConfirm={() => removing && remove.mutate(removing.person)}
        title={t('school:budgets.removeTitle', { name: removing ? of(removing.person) : '' })}
        text={t('school:budgets.removeText')}
        action={t('school:budgets.removeAction')}
        danger
        busy={remove.isPending}
        finalFocus={finalFocus}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={remove.error} />
        </div>
      </Confirm>
      <Button onClick={() => setEditing({})}>
        <Plus aria-hidden className="size-4" />
        {t('school:budgets.add')}
      </Button>
      {editing && <EditBudget budget={editing} onClose={() => setEditing(null)} />}
    </>
  )
}

function EditBudget({ budget, onClose }: { budget: Partial<Budget>; onClose: () => void }) {
  const { t } = useTranslation('school')
  const fresh = budget.model_tokens === undefined
  const members = useQuery(membersQuery).data ?? []
  const [person, setPerson] = useState(fresh ? '*' : (budget.person ?? ''))
  const [tokens, setTokens] = useState(String(budget.model_tokens ?? 200_000))
  const [period, setPeriod] = useState<Budget['period']>(budget.period ?? 'day')
  const cache = useQueryClient()
  const save = useMutation({
    mutationFn: () => data(api.PUT('/api/budgets', { body: { model_tokens: Number(tokens), period, person: person || null } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: budgetsQuery.queryKey })
      onClose()
      say(t('school:saved'))
    },
  })
  return (
    <Dialog open onClose={onClose} title={fresh ? t('school:budgets.add') : t('school:budgets.change')} description={t('school:budgets.measure')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <SelectField label={t('school:budgets.for')} value={person} disabled={!fresh} onChange={event => setPerson(event.target.value)}>
          <option value="*">{t('school:budgets.everybody')}</option>
          <option value="">{t('school:budgets.school')}</option>
          {members.map(member => (
            <option key={member.subject} value={member.subject}>
              {member.name || member.username}
            </option>
          ))}
        </SelectField>
        <TextField label={t('school:budgets.tokens')} type="number" min={0} step={1} required value={tokens} onChange={event => setTokens(event.target.value)} />
        <SelectField label={t('school:budgets.period')} value={period} onChange={event => setPeriod(event.target.value as Budget['period'])}>
          {periods.map(one => (
            <option key={one} value={one}>
              {t(`school:budgets.each.${one}`)}
            </option>
          ))}
        </SelectField>
        <ProblemNotice error={save.error} />
        <Button kind="primary" type="submit" busy={save.isPending} disabled={tokens === '' || !Number.isInteger(Number(tokens))} className="self-end">
          {t('app:save')}
        </Button>
      </form>
    </Dialog>
  )
}
