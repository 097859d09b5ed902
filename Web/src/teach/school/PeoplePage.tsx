import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Ellipsis, KeyRound, UserCog, UserMinus } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import type { Schema } from '@/api/types'
import { Button, IconButton } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { SelectField, TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Menu, MenuItem } from '@/ui/menu'
import { Badge } from '@/ui/notice'
import { Page, Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateText } from '@/ui/time'
import { useDeleted } from '@/ui/deleted'
import { say } from '@/ui/toast'
import { CodeSheet } from '../codes/CodeSheet'
import { membersQuery } from '../safety/people'
import { TeachTabs } from '../TeachTabs'
import { Invitations } from './Invitations'

type Member = Schema['MemberView']
const roles = ['student', 'teacher', 'owner'] as const

export function PeoplePage() {
  const { t } = useTranslation('school')
  const [code, setCode] = useState<Schema['ResetView'] | null>(null)
  return (
    <Page title={t('school:people.title')} lead={t('school:people.lead')} above={<TeachTabs />}>
      {code ? (
        <CodeSheet codes={[code]} heading={code.name || code.username} onDone={() => setCode(null)} />
      ) : (
        <>
          <Section title={t('school:people.members')}>
            <Members onCode={setCode} />
          </Section>
          <Section title={t('school:invitations.title')}>
            <Invitations />
          </Section>
        </>
      )}
    </Page>
  )
}

type Asking = { what: 'remove' | 'reset' | 'role'; member: Member }

function Members({ onCode }: { onCode: (code: Schema['ResetView']) => void }) {
  const { t } = useTranslation('school')
  const me = useQuery(meQuery).data?.subject
  const members = useQuery(membersQuery)
  const { list: box, deleted, finalFocus } = useDeleted<HTMLDivElement>()
  const [words, setWords] = useState('')
  const [role, setRole] = useState('')
  const [asking, setAsking] = useState<Asking | null>(null)
  const wanted = words.trim().toLocaleLowerCase()
  const shown = (list: readonly Member[]) =>
    list.filter(member => (!role || member.role === role) && (!wanted || `${member.name} ${member.username}`.toLocaleLowerCase().includes(wanted)))
  return (
    <>
      <div className="mb-4 grid gap-3 sm:grid-cols-[1fr_12rem]">
        <TextField bare type="search" label={t('school:people.search')} placeholder={t('school:people.search')} value={words} onChange={event => setWords(event.target.value)} />
        <SelectField bare label={t('school:people.filter')} value={role} onChange={event => setRole(event.target.value)}>
          <option value="">{t('school:people.all')}</option>
          {roles.map(one => (
            <option key={one} value={one}>
              {t(`school:roles.${one}`)}
            </option>
          ))}
        </SelectField>
      </div>
      <div ref={box} tabIndex={-1} className="outline-none">
        <Loaded query={members}>
          {list => (
            <>
              <p role="status" className="mb-2 text-sm text-muted">
                {t('school:people.count', { count: shown(list).length })}
              </p>
              <Table
                caption={t('school:people.members')}
                head={
                  <>
                    <Th>{t('school:people.name')}</Th>
                    <Th className="hidden sm:table-cell">{t('school:people.username')}</Th>
                    <Th>{t('school:people.role')}</Th>
                    <Th className="hidden sm:table-cell">{t('school:people.since')}</Th>
                    <Th>
                      <span className="sr-only">{t('school:people.actions')}</span>
                    </Th>
                  </>
                }
              >
                {shown(list).map(member => (
                  <tr key={member.subject}>
                    <RowHead className="min-w-28 wrap-anywhere sm:min-w-40">
                      {member.name || member.username} {member.subject === me && <Badge kind="plain">{t('school:people.you')}</Badge>}
                        <span className="block font-normal text-muted sm:hidden">{member.username}</span>
                    </RowHead>
                    <Td className="hidden text-muted sm:table-cell">{member.username}</Td>
                    <Td className="whitespace-nowrap">{t(`school:role.${member.role}`)}</Td>
                    <Td className="hidden whitespace-nowrap text-muted sm:table-cell">{dateText(member.joined_at)}</Td>
                    <Td end className="px-1 py-1">
                      <Menu
                        trigger={
                          <IconButton label={t('school:people.actionsFor', { name: member.name || member.username })}>
                            <Ellipsis aria-hidden />
                          </IconButton>
                        }
                      >
                        <MenuItem onClick={() => setAsking({ what: 'role', member })}>
                          <UserCog aria-hidden />
                          {t('school:people.changeRole')}
                        </MenuItem>
                        {member.subject !== me && (
                          <>
                            <MenuItem onClick={() => setAsking({ what: 'reset', member })}>
                              <KeyRound aria-hidden />
                              {t('school:people.reset.open')}
                            </MenuItem>
                            <MenuItem danger onClick={() => setAsking({ what: 'remove', member })}>
                              <UserMinus aria-hidden />
                              {t('school:people.remove.action')}
                            </MenuItem>
                          </>
                        )}
                      </Menu>
                    </Td>
                  </tr>
                ))}
              </Table>
            </>
          )}
        </Loaded>
      </div>
      {asking?.what === 'role' && <ChangeRole member={asking.member} onClose={() => setAsking(null)} />}
      <RemoveOrReset asking={asking} onRemoved={deleted} finalFocus={finalFocus} onClose={() => setAsking(null)} onCode={onCode} />
    </>
  )
}

interface RemoveOrResetProps {
  asking: Asking | null
  onClose: () => void
  onCode: (code: Schema['ResetView']) => void
  onRemoved: () => void
  finalFocus: () => HTMLElement | true
}

function RemoveOrReset({ asking, onClose, onCode, onRemoved, finalFocus }: RemoveOrResetProps) {
  const { t } = useTranslation('school')
  const cache = useQueryClient()
  const act = useMutation({
    mutationFn: async ({ what, member }: Asking) => {
      const params = { path: { subject: member.subject } }
      if (what === 'reset') return data(api.POST('/api/members/{subject}/reset', { params }))
      await data(api.DELETE('/api/members/{subject}', { params }))
      return null
    },
    onSuccess: (code, { member }) => {
      if (!code) onRemoved()
      onClose()
      if (code) onCode(code)
      else say(t('school:people.removed', { name: member.name || member.username }))
      void cache.invalidateQueries({ queryKey: membersQuery.queryKey })
    },
  })
  const name = asking ? asking.member.name || asking.member.username : ''
  const resets = asking?.what === 'reset'
  return (
    <Confirm
      open={asking !== null && asking.what !== 'role'}
      onClose={() => {
        act.reset()
        onClose()
      }}
      onConfirm={() => asking && act.mutate(asking)}
      title={resets ? t('school:people.reset.title', { name }) : t('school:people.remove.title', { name })}
      text={resets ? t('school:people.reset.text') : t('school:people.remove.text')}
      action={resets ? t('school:people.reset.action') : t('school:people.remove.action')}
      danger={!resets}
      busy={act.isPending}
      finalFocus={finalFocus}
    >
      <div className="mt-3 empty:hidden">
        <ProblemNotice error={act.error} />
      </div>
    </Confirm>
  )
}

function ChangeRole({ member, onClose }: { member: Member; onClose: () => void }) {
  const { t } = useTranslation('school')
  const [role, setRole] = useState<Member['role']>(member.role)
  const cache = useQueryClient()
  const change = useMutation({
    mutationFn: () => data(api.PATCH('/api/members/{subject}', { params: { path: { subject: member.subject } }, body: { role } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: membersQuery.queryKey })
      void cache.invalidateQueries({ queryKey: meQuery.queryKey })
      onClose()
    },
  })
  return (
    <Dialog open onClose={onClose} title={t('school:people.roleOf', { name: member.name || member.username })}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          change.mutate()
        }}
      >
        <SelectField label={t('school:people.role')} hint={t(`school:roleHint.${role}`)} value={role} onChange={event => setRole(event.target.value as Member['role'])}>
          {roles.map(one => (
            <option key={one} value={one}>
              {t(`school:role.${one}`)}
            </option>
          ))}
        </SelectField>
        <p className="text-sm text-muted">{t('school:people.roleHolds')}</p>
        <ProblemNotice error={change.error} />
        <Button kind="primary" type="submit" busy={change.isPending} disabled={role === member.role} className="self-end">
          {t('app:save')}
        </Button>
      </form>
    </Dialog>
  )
}
