import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Printer, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button, IconButton } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { SelectField, TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { CopyButton } from '@/ui/copybutton'
import { Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { dateText } from '@/ui/time'
import { say } from '@/ui/toast'
import { useDeleted } from '@/ui/deleted'
import { invitationsQuery, isOpen } from '../invitations'
import { ClassFrame } from './ClassFrame'
import { QrCode } from './QrCode'
import type { Class } from './queries'

export function InvitePage() {
  const { t } = useTranslation('classes')
  return <ClassFrame>{of => (of.archived_at ? <p className="text-muted">{t('classes:invite.archived')}</p> : <Invite of={of} />)}</ClassFrame>
}

/** The code that was made last in this tab: the server shows it only once. */
const codeKey = (classId: string) => ['classes', classId, 'code']

function Invite({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const cache = useQueryClient()
  const made = useQuery<Schema['InvitationView'] | null>({ queryKey: codeKey(of.id), queryFn: () => null, staleTime: Infinity, gcTime: Infinity }).data
  const [days, setDays] = useState('14')
  const [uses, setUses] = useState('40')
  const make = useMutation({
    mutationFn: () => data(api.POST('/api/auth/invitations', { body: { role: 'student', class_id: of.id, days: Number(days), uses: Number(uses), note: of.name } })),
    onSuccess: invitation => {
      cache.setQueryData(codeKey(of.id), invitation)
      void cache.invalidateQueries({ queryKey: invitationsQuery.queryKey })
    },
  })
  return (
    <>
      {made?.code && <JoinSheet of={of} invitation={made} />}
      <div className="print-hidden">
        <Section title={made ? t('classes:invite.another') : t('classes:invite.make')}>
          <p className="mb-4 text-muted">{t('classes:invite.text')}</p>
          <form
            className="grid max-w-xl items-end gap-4 sm:grid-cols-[1fr_1fr_auto]"
            onSubmit={event => {
              event.preventDefault()
              make.mutate()
            }}
          >
            <SelectField label={t('classes:invite.days')} value={days} onChange={event => setDays(event.target.value)}>
              {[1, 7, 14, 30, 90].map(count => (
                <option key={count} value={count}>
                  {t('classes:invite.dayCount', { count })}
                </option>
              ))}
            </SelectField>
            <TextField label={t('classes:invite.uses')} type="number" min={1} max={500} required value={uses} onChange={event => setUses(event.target.value)} />
            <Button kind={made ? 'secondary' : 'primary'} type="submit" busy={make.isPending}>
              {t('classes:invite.action')}
            </Button>
          </form>
          <div className="mt-3 empty:hidden">
            <ProblemNotice error={make.error} />
          </div>
        </Section>
        <OpenCodes of={of} />
      </div>
    </>
  )
}

/** To show on a wall or to print: how to come into the class. */
function JoinSheet({ of, invitation }: { of: Class; invitation: Schema['InvitationView'] }) {
  const { t } = useTranslation('classes')
  const code = invitation.code!
  const link = `${location.origin}/join/${encodeURIComponent(code)}`
  return (
    <section aria-label={t('classes:invite.sheet', { name: of.name })} className="mb-8 rounded-card border border-line bg-raised p-5 sm:p-6 print:border-0">
      <div className="flex flex-wrap items-center gap-x-8 gap-y-5">
        <QrCode text={link} label={t('classes:invite.qr')} className="size-44 shrink-0 rounded-control print:size-72" />
        <div className="min-w-56 flex-1">
          <p className="text-muted">{t('classes:invite.open')}</p>
          <p className="font-medium">{`${location.host}/join`}</p>
          <p className="mt-3 text-muted">{t('classes:invite.enter')}</p>
          <p className="font-mono text-2xl font-semibold tracking-wide">{code}</p>
          <p className="mt-3 text-sm text-muted">{t('classes:invite.until', { date: dateText(invitation.expires_at), count: invitation.max_uses })}</p>
        </div>
      </div>
      <div className="print-hidden mt-5 flex flex-wrap gap-2">
        <CopyButton text={link} label={t('classes:invite.copy')} />
        <Button onClick={() => window.print()}>
          <Printer aria-hidden className="size-4" />
          {t('classes:invite.print')}
        </Button>
      </div>
      <p className="print-hidden mt-3 text-sm text-muted">{t('classes:invite.once')}</p>
    </section>
  )
}

function OpenCodes({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const cache = useQueryClient()
  const invitations = useQuery({ ...invitationsQuery, select: list => list.filter(one => one.class_id === of.id && isOpen(one)) })
  const { list: box, deleted, finalFocus } = useDeleted<HTMLDivElement>()
  const [ending, setEnding] = useState<Schema['InvitationView'] | null>(null)
  const end = useMutation({
    mutationFn: (id: string) => data(api.DELETE('/api/auth/invitations/{id}', { params: { path: { id } } })),
    onSuccess: (_, id) => {
      deleted()
      setEnding(null)
      if (cache.getQueryData<Schema['InvitationView']>(codeKey(of.id))?.id === id) cache.setQueryData(codeKey(of.id), null)
      void cache.invalidateQueries({ queryKey: invitationsQuery.queryKey })
      say(t('classes:invite.ended'))
    },
  })
  return (
    <Section title={t('classes:invite.openCodes')}>
      <div ref={box} tabIndex={-1} className="outline-none">
        <Loaded query={invitations}>
        {list =>
          list.length === 0 ? (
            <p className="text-muted">{t('classes:invite.noCodes')}</p>
          ) : (
            <ul className="rounded-card border border-line bg-raised">
              {list.map(one => (
                <li key={one.id} className="flex items-center gap-3 border-b border-line py-2 ps-4 pe-2 last:border-0">
                  <p className="min-w-0 flex-1 text-sm">
                    {t('classes:invite.used', { used: one.uses, count: one.max_uses })}
                    <span className="text-muted"> · {t('classes:invite.ends', { date: dateText(one.expires_at) })}</span>
                  </p>
                  <IconButton label={t('classes:invite.end')} onClick={() => setEnding(one)}>
                    <Trash2 aria-hidden />
                  </IconButton>
                </li>
              ))}
            </ul>
          )
        }
        </Loaded>
      </div>
      <Confirm
        open={ending !== null}
        onClose={() => setEnding(null)}
        onConfirm={() => ending && end.mutate(ending.id)}
        title={t('classes:invite.endTitle')}
        text={t('classes:invite.endText')}
        action={t('classes:invite.endAction')}
        danger
        busy={end.isPending}
        finalFocus={finalFocus}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={end.error} />
        </div>
      </Confirm>
    </Section>
  )
}
