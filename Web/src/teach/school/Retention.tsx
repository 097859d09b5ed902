import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'

const kinds = ['conversations', 'transcripts', 'uploads', 'logs'] as const
type Days = Record<(typeof kinds)[number], string>
const key = ['tenant', 'retention']

/** For how many days the school keeps things; empty is for ever. */
export function Retention() {
  const { t } = useTranslation('school')
  const retention = useQuery({ queryKey: key, queryFn: () => data(api.GET('/api/tenant/retention')) })
  return (
    <>
      <p className="mb-4 text-muted">{t('school:retention.text')}</p>
      <Loaded query={retention}>{found => <RetentionForm key={found.updated_at ?? ''} of={found} />}</Loaded>
    </>
  )
}

function RetentionForm({ of }: { of: Schema['RetentionView'] }) {
  const { t } = useTranslation('school')
  const [days, setDays] = useState<Days>(() => Object.fromEntries(kinds.map(kind => [kind, of[kind]?.toString() ?? ''])) as Days)
  const [asking, setAsking] = useState(false)
  const cache = useQueryClient()
  const number = (kind: keyof Days) => (days[kind].trim() === '' ? null : Number(days[kind]))
  const save = useMutation({
    mutationFn: () => data(api.PUT('/api/tenant/retention', { body: Object.fromEntries(kinds.map(kind => [kind, number(kind)])) })),
    onSuccess: saved => {
      setAsking(false)
      cache.setQueryData(key, saved)
      say(t('school:saved'))
    },
  })
  // A shorter time deletes what is older within the hour: asked first.
  const shorter = kinds.some(kind => number(kind) !== null && (of[kind] == null || number(kind)! < of[kind]))
  const changed = kinds.some(kind => number(kind) !== (of[kind] ?? null))
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={event => {
        event.preventDefault()
        if (shorter) setAsking(true)
        else save.mutate()
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        {kinds.map(kind => (
          <TextField
            key={kind}
            label={t(`school:retention.${kind}`)}
            hint={t(`school:retention.hint.${kind}`)}
            type="number"
            min={1}
            max={36500}
            step={1}
            placeholder={t('school:retention.ever')}
            value={days[kind]}
            onChange={event => setDays({ ...days, [kind]: event.target.value })}
          />
        ))}
      </div>
      {!asking && <ProblemNotice error={save.error} />}
      <Button type="submit" busy={save.isPending} disabled={!changed} className="self-start">
        {t('app:save')}
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => save.mutate()}
        title={t('school:retention.askTitle')}
        text={t('school:retention.askText')}
        action={t('school:retention.askAction')}
        danger
        busy={save.isPending}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={save.error} />
        </div>
      </Confirm>
    </form>
  )
}
