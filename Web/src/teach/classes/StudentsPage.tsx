import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Ellipsis, KeyRound, UserMinus, UserPlus } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import type { Schema } from '@/api/types'
import { Button, buttonStyle, IconButton } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Loaded } from '@/ui/loaded'
import { Menu, MenuItem } from '@/ui/menu'
import { Empty } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { RowHead, Table, Td, Th } from '@/ui/table'
import { dateText } from '@/ui/time'
import { useDeleted } from '@/ui/deleted'
import { say } from '@/ui/toast'
import { CodeSheet } from '../codes/CodeSheet'
import { AddStudents } from './AddStudents'
import { ClassFrame } from './ClassFrame'
import { classMembersQuery, classQuery, type Class } from './queries'

type Member = Schema['ClassMemberView']

export function StudentsPage() {
  return <ClassFrame>{of => <Students of={of} />}</ClassFrame>
}

function Students({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const members = useQuery(classMembersQuery(of.id))
  const { list: box, deleted, finalFocus } = useDeleted<HTMLDivElement>()
  const [adding, setAdding] = useState(false)
  const [codes, setCodes] = useState<readonly Schema['ResetView'][] | null>(null)
  const [asking, setAsking] = useState<{ what: 'remove' | 'reset'; member: Member } | null>(null)
  const cache = useQueryClient()
  const done = () => {
    setAsking(null)
    void cache.invalidateQueries({ queryKey: classMembersQuery(of.id).queryKey })
    void cache.invalidateQueries({ queryKey: classQuery(of.id).queryKey, exact: true })
  }
  const remove = useMutation({
    mutationFn: (member: Member) => data(api.DELETE('/api/classes/{id}/members/{subject}', { params: { path: { id: of.id, subject: member.subject } } })),
    onSuccess: (_, member) => {
      deleted()
      done()
      say(t('classes:removed', { name: member.name }))
    },
  })
  const reset = useMutation({
    mutationFn: (member: Member) => data(api.POST('/api/classes/{id}/students/{subject}/reset', { params: { path: { id: of.id, subject: member.subject } } })),
    onSuccess: code => {
      setAsking(null)
      setCodes([code])
    },
  })
  const action = asking?.what === 'reset' ? reset : remove

  if (codes) return <CodeSheet codes={codes} heading={of.name} onDone={() => setCodes(null)} />
  const add = !of.archived_at && (
    <Button onClick={() => setAdding(true)}>
      <UserPlus aria-hidden className="size-4" />
      {t('classes:add.open')}
    </Button>
  )
  return (
    <>
      <div ref={box} tabIndex={-1} className="outline-none">
        <Loaded query={members}>
          {list =>
            list.length === 0 ? (
              <Empty
                title={t('classes:noStudents.title')}
                action={
                  !of.archived_at && (
                    <div className="flex flex-wrap gap-2">
                      <Link to="/teach/classes/$classId/invite" params={{ classId: of.id }} className={buttonStyle('primary')}>
                        {t('classes:noStudents.invite')}
                      </Link>
                      {add}
                    </div>
                  )
                }
              >
                {t('classes:noStudents.text')}
              </Empty>
            ) : (
              <>
                <div className="mb-4 flex justify-end">{add}</div>
                <Table
                  caption={t('classes:tab.students')}
                  head={
                    <>
                      <Th>{t('classes:column.name')}</Th>
                      <Th className="hidden sm:table-cell">{t('classes:column.username')}</Th>
                      <Th>{t('classes:column.sees')}</Th>
                      <Th className="hidden sm:table-cell">{t('classes:column.since')}</Th>
                      <Th>
                        <span className="sr-only">{t('classes:actions')}</span>
                      </Th>
                    </>
                  }
                >
                  {list.map(member => (
                    <tr key={member.subject}>
                      <RowHead className="min-w-28 wrap-anywhere sm:min-w-40">
                        <Link
                          to="/teach/classes/$classId/students/$studentId"
                          params={{ classId: of.id, studentId: member.subject }}
                          className="underline decoration-line underline-offset-4 hover:decoration-current"
                        >
                          {member.name || member.username}
                        </Link>
                        <span className="block font-normal text-muted sm:hidden">{member.username}</span>
                      </RowHead>
                      <Td className="hidden text-muted sm:table-cell">{member.username}</Td>
                      <Td className="sm:min-w-32 text-muted">{t(`classes:visibility.${member.visibility}`)}</Td>
                      <Td className="hidden whitespace-nowrap text-muted sm:table-cell">{dateText(member.joined_at)}</Td>
                      <Td end className="px-1 py-1">
                        <Menu
                          trigger={
                            <IconButton label={t('classes:actionsFor', { name: member.name || member.username })}>
                              <Ellipsis aria-hidden />
                            </IconButton>
                          }
                        >
                          <MenuItem onClick={() => setAsking({ what: 'reset', member })}>
                            <KeyRound aria-hidden />
                            {t('classes:reset.open')}
                          </MenuItem>
                          <MenuItem danger onClick={() => setAsking({ what: 'remove', member })}>
                            <UserMinus aria-hidden />
                            {t('classes:remove.action')}
                          </MenuItem>
                        </Menu>
                      </Td>
                    </tr>
                  ))}
                </Table>
              </>
            )
          }
        </Loaded>
      </div>
      <AddStudents
        classId={of.id}
        open={adding}
        onClose={() => setAdding(false)}
        onMade={made => {
          setAdding(false)
          setCodes(made)
          done()
        }}
      />
      <Confirm
        open={asking !== null}
        onClose={() => {
          setAsking(null)
          remove.reset()
          reset.reset()
        }}
        onConfirm={() => asking && action.mutate(asking.member)}
        title={asking?.what === 'reset' ? t('classes:reset.title', { name: asking.member.name }) : t('classes:remove.title', { name: asking?.member.name ?? '' })}
        text={asking?.what === 'reset' ? t('classes:reset.text') : t('classes:remove.text')}
        action={asking?.what === 'reset' ? t('classes:reset.action') : t('classes:remove.action')}
        danger={asking?.what !== 'reset'}
        busy={action.isPending}
        finalFocus={finalFocus}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={action.error} />
        </div>
      </Confirm>
    </>
  )
}
