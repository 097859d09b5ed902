import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { allPages } from '@/api/pages'
import { Button } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { ProblemNotice } from '@/ui/problem'
import { dateText } from '@/ui/time'
import { say } from '@/ui/toast'

export const consentsQuery = queryOptions({
  queryKey: ['consents'],
  queryFn: () => allPages(cursor => data(api.GET('/api/tenant/consents', { params: { query: { limit: 100, cursor } } })), page => page.consents, 50),
})

interface Student {
  subject: string
  name: string
  username?: string | null
}

/** Students with their guardian's consent: recorded with a note, or withdrawn. */
export function ConsentList({ students }: { students: readonly Student[] }) {
  const { t } = useTranslation('safety')
  const consents = useQuery(consentsQuery)
  const cache = useQueryClient()
  const [open, setOpen] = useState<{ student: Student; what: 'record' | 'withdraw' } | null>(null)
  const [note, setNote] = useState('')
  const close = () => {
    setOpen(null)
    change.reset()
  }
  const change = useMutation({
    mutationFn: async ({ student, what }: NonNullable<typeof open>) => {
      const params = { path: { person: student.subject } }
      if (what === 'record') await data(api.PUT('/api/tenant/consents/{person}', { params, body: { note: note.trim() || null } }))
      else await data(api.DELETE('/api/tenant/consents/{person}', { params }))
    },
    onSuccess: (_, { student, what }) => {
      setOpen(null)
      void cache.invalidateQueries({ queryKey: consentsQuery.queryKey })
      const name = student.name || student.username
      say(what === 'record' ? t('safety:consents.recorded', { name }) : t('safety:consents.withdrawn', { name }))
    },
  })
  return (
    <>
      <p className="mb-3 text-sm text-muted">{t('safety:consents.text')}</p>
      <Loaded query={consents}>
        {list =>
          students.length === 0 ? (
            <p className="text-muted">{t('safety:consents.none')}</p>
          ) : (
            <ul className="rounded-card border border-line bg-raised">
              {students.map(student => {
                const consent = list.find(one => one.person === student.subject)
                return (
                  <li key={student.subject} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2 ps-4 pe-2 last:border-0">
                    <div className="min-w-40 flex-1">
                      <p className="font-medium">{student.name || student.username}</p>
                      <p className="text-sm text-muted">
                        {consent ? [t('safety:consents.since', { date: dateText(consent.recorded_at) }), ...(consent.note ? [consent.note] : [])].join(' · ') : t('safety:consents.missing')}
                      </p>
                    </div>
                    <Button
                      kind={consent ? 'quiet' : 'secondary'}
                      aria-label={t(consent ? 'safety:consents.withdrawFor' : 'safety:consents.recordFor', { name: student.name || student.username })}
                      onClick={() => {
                        setNote('')
                        setOpen({ student, what: consent ? 'withdraw' : 'record' })
                      }}
                    >
                      {consent ? t('safety:consents.withdraw') : t('safety:consents.record')}
                    </Button>
                  </li>
                )
              })}
            </ul>
          )
        }
      </Loaded>
      <Dialog open={open?.what === 'record'} onClose={close} title={t('safety:consents.recordTitle', { name: open?.student.name ?? '' })}>
        <form
          className="flex flex-col gap-4"
          onSubmit={event => {
            event.preventDefault()
            if (open) change.mutate(open)
          }}
        >
          <TextField label={t('safety:consents.note')} hint={t('safety:consents.noteHint')} value={note} onChange={event => setNote(event.target.value)} maxLength={500} autoComplete="off" />
          <ProblemNotice error={change.error} />
          <Button kind="primary" type="submit" busy={change.isPending} className="self-end">
            {t('safety:consents.record')}
          </Button>
        </form>
      </Dialog>
      <Confirm
        open={open?.what === 'withdraw'}
        onClose={close}
        onConfirm={() => open && change.mutate(open)}
        title={t('safety:consents.withdrawTitle', { name: open?.student.name ?? '' })}
        text={t('safety:consents.withdrawText')}
        action={t('safety:consents.withdraw')}
        danger
        busy={change.isPending}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={change.error} />
        </div>
      </Confirm>
    </>
  )
}
