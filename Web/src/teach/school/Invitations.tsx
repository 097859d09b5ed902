import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Trash2, UserPlus } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button, IconButton } from '@/ui/button'
import { CopyButton } from '@/ui/copybutton'
import { Confirm, Dialog } from '@/ui/dialog'
import { SelectField, TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { ProblemNotice } from '@/ui/problem'
import { dateText } from '@/ui/time'
import { useDeleted } from '@/ui/deleted'
import { say } from '@/ui/toast'
import { invitationsQuery, isOpen } from '../invitations'

/** Codes for single people: a colleague, another owner. Codes for a class stand at the class. */
export function Invitations() {
  const { t } = useTranslation('school')
  const invitations = useQuery({ ...invitationsQuery, select: list => list.filter(one => isOpen(one) && !one.class_id) })
  const [making, setMaking] = useState(false)
  const { list: box, deleted, finalFocus } = useDeleted<HTMLDivElement>()
  const [ending, setEnding] = useState<Schema['InvitationView'] | null>(null)
  const cache = useQueryClient()
  const end = useMutation({
    mutationFn: (id: string) => data(api.DELETE('/api/auth/invitations/{id}', { params: { path: { id } } })),
    onSuccess: () => {
      deleted()
      setEnding(null)
      void cache.invalidateQueries({ queryKey: invitationsQuery.queryKey })
      say(t('school:invitations.ended'))
    },
  })
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <p className="min-w-60 flex-1 text-muted">{t('school:invitations.text')}</p>
        <Button onClick={() => setMaking(true)}>
          <UserPlus aria-hidden className="size-4" />
          {t('school:invitations.open')}
        </Button>
      </div>
      <div ref={box} tabIndex={-1} className="outline-none">
        <Loaded query={invitations}>
          {list =>
            list.length === 0 ? (
              <p className="text-muted">{t('school:invitations.none')}</p>
            ) : (
              <ul className="rounded-card border border-line bg-raised">
                {list.map(one => (
                  <li key={one.id} className="flex items-center gap-3 border-b border-line py-2 ps-4 pe-2 last:border-0">
                    <p className="min-w-0 flex-1 text-sm">
                      <span className="font-medium">{one.note || t(`school:role.${one.role ?? 'owner'}`)}</span>
                      <span className="block text-muted">
                        {[...(one.note ? [t(`school:role.${one.role ?? 'owner'}`)] : []), t('school:invitations.ends', { date: dateText(one.expires_at) })].join(' · ')}
                      </span>
                    </p>
                    <IconButton label={t('school:invitations.end')} onClick={() => setEnding(one)}>
                      <Trash2 aria-hidden />
                    </IconButton>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
      {making && <MakeInvitation onClose={() => setMaking(false)} />}
      <Confirm
        open={ending !== null}
        onClose={() => setEnding(null)}
        onConfirm={() => ending && end.mutate(ending.id)}
        title={t('school:invitations.endTitle')}
        text={t('school:invitations.endText')}
        action={t('school:invitations.endAction')}
        danger
        busy={end.isPending}
        finalFocus={finalFocus}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={end.error} />
        </div>
      </Confirm>
    </>
  )
}

function MakeInvitation({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('school')
  const [role, setRole] = useState<'teacher' | 'owner' | 'student'>('teacher')
  const [note, setNote] = useState('')
  const cache = useQueryClient()
  const make = useMutation({
    mutationFn: () => data(api.POST('/api/auth/invitations', { body: { role, note: note.trim() || null, days: 14 } })),
    onSuccess: () => void cache.invalidateQueries({ queryKey: invitationsQuery.queryKey }),
  })
  if (make.data?.code)
    return (
      <Dialog open onClose={onClose} title={t('school:invitations.made')} description={t('school:invitations.once')}>
        <p className="text-muted">{t('school:invitations.how', { address: `${location.host}/register` })}</p>
        <p className="my-3 font-mono text-2xl font-semibold tracking-wide">{make.data.code}</p>
        <div className="flex flex-wrap justify-end gap-2">
          <CopyButton text={make.data.code} label={t('school:invitations.copy')} />
          <Button kind="primary" onClick={onClose}>
            {t('school:invitations.done')}
          </Button>
        </div>
      </Dialog>
    )
  return (
    <Dialog open onClose={onClose} title={t('school:invitations.open')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <SelectField label={t('school:people.role')} hint={t(`school:roleHint.${role}`)} value={role} onChange={event => setRole(event.target.value as typeof role)}>
          <option value="teacher">{t('school:role.teacher')}</option>
          <option value="owner">{t('school:role.owner')}</option>
          <option value="student">{t('school:role.student')}</option>
        </SelectField>
        <TextField label={t('school:invitations.note')} hint={t('school:invitations.noteHint')} value={note} onChange={event => setNote(event.target.value)} maxLength={100} autoComplete="off" />
        <ProblemNotice error={make.error} />
        <Button kind="primary" type="submit" busy={make.isPending} className="self-end">
          {t('school:invitations.action')}
        </Button>
      </form>
    </Dialog>
  )
}
