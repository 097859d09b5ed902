import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import type { Schema } from '@/api/types'
import { enterTenant, leave } from '@/app/session'
import { Button, buttonStyle } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { SelectField } from '@/ui/field'
import { Loading } from '@/ui/loading'
import { Badge } from '@/ui/notice'
import { Empty, Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { dateText } from '@/ui/time'
import { say } from '@/ui/toast'
import { Frame, listStyle, Row } from './Frame'

export function SchoolsPage() {
  return (
    <Frame part="schools">
      <MyClasses />
      <MySchools />
    </Frame>
  )
}

const classesKey = ['settings', 'classes']

function MyClasses() {
  const { t } = useTranslation('settings')
  const classes = useQuery({
    queryKey: classesKey,
    queryFn: () => data(api.GET('/api/classes', { params: { query: { limit: 100 } } })).then(page => page.classes.filter(one => one.agreed)),
  })
  const join = (
    <Link to="/join" className={buttonStyle()}>
      {t('app:join')}
    </Link>
  )
  return (
    <Section title={t('settings:classes.title')} actions={!!classes.data?.length && join}>
      {classes.isPending && <Loading />}
      <ProblemNotice error={classes.error} />
      {classes.data?.length === 0 && (
        <Empty title={t('settings:classes.none')} action={join}>
          {t('settings:classes.noneText')}
        </Empty>
      )}
      {!!classes.data?.length && (
        <ul className={listStyle}>
          {classes.data.map(one => (
            <li key={one.id}>
              <MyClass one={one} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function MyClass({ one }: { one: Schema['ClassView'] }) {
  const { t } = useTranslation('settings')
  const cache = useQueryClient()
  const [asking, setAsking] = useState(false)
  const refresh = () => cache.invalidateQueries({ queryKey: classesKey })
  const agree = useMutation({
    mutationFn: (visibility: string) => data(api.PUT('/api/classes/{id}/visibility', { params: { path: { id: one.id } }, body: { visibility } })),
    onSuccess: async () => {
      await refresh()
      say(t('settings:classes.changed'))
    },
  })
  const quit = useMutation({
    mutationFn: () => data(api.POST('/api/classes/{id}/leave', { params: { path: { id: one.id } } })),
    onSuccess: async () => {
      setAsking(false)
      say(t('settings:classes.left', { name: one.name }))
      await refresh()
    },
  })
  return (
    <div className="flex flex-col gap-3 px-4 py-4 text-sm">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h3>
            {one.name} {one.archived_at && <Badge kind="plain">{t('settings:classes.archived')}</Badge>}
          </h3>
          <p className="text-muted">{t('settings:classes.of', { teacher: one.teacher_name })}</p>
        </div>
        <Button onClick={() => setAsking(true)} aria-label={t('settings:classes.leaveOf', { name: one.name })}>
          {t('settings:classes.leave')}
        </Button>
      </div>
      <SelectField
        label={t('settings:classes.see')}
        hint={one.agreed_at ? t('settings:classes.since', { date: dateText(one.agreed_at) }) : undefined}
        value={one.agreed ?? 'progress'}
        disabled={agree.isPending}
        onChange={event => agree.mutate(event.target.value)}
      >
        <option value="progress">{t('settings:classes.progress')}</option>
        {(one.visibility === 'conversations' || one.agreed === 'conversations') && <option value="conversations">{t('settings:classes.conversations')}</option>}
      </SelectField>
      <ProblemNotice error={agree.error} />
      <Confirm open={asking} onClose={() => setAsking(false)} onConfirm={() => quit.mutate()} busy={quit.isPending} danger title={t('settings:classes.leaveTitle', { name: one.name })} text={t('settings:classes.leaveText')} action={t('settings:classes.leave')}>
        <ProblemNotice error={quit.error} />
      </Confirm>
    </div>
  )
}

function MySchools() {
  const { t } = useTranslation('settings')
  const me = useQuery(meQuery).data
  const cache = useQueryClient()
  const [leaving, setLeaving] = useState<Schema['MembershipView'] | null>(null)
  const enter = useMutation({ mutationFn: enterTenant })
  const quit = useMutation({
    mutationFn: async (school: Schema['MembershipView']) => {
      await data(api.DELETE('/api/me/memberships/{tenant}', { params: { path: { tenant: school.tenant } } }))
      const other = me?.memberships.find(one => one.tenant !== school.tenant)
      if (school.tenant !== me?.tenant) await cache.invalidateQueries({ queryKey: meQuery.queryKey })
      else if (other) await enterTenant(other.tenant)
      else await leave()
    },
    onSuccess: () => setLeaving(null),
  })
  if (!me) return null
  return (
    <Section title={t('settings:schools.title')}>
      <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:schools.text')}</p>
      <ProblemNotice error={enter.error} />
      <ul className={listStyle}>
        {me.memberships.map(school => {
          const here = school.tenant === me.tenant
          return (
            <li key={school.tenant}>
              <Row
                actions={
                  <>
                    {!here && (
                      <Button busy={enter.isPending && enter.variables === school.tenant} onClick={() => enter.mutate(school.tenant)} aria-label={t('settings:schools.switchTo', { name: school.name })}>
                        {t('settings:schools.switch')}
                      </Button>
                    )}
                    <Button kind="quiet" onClick={() => setLeaving(school)} aria-label={t('settings:schools.leaveOf', { name: school.name })}>
                      {t('settings:schools.leave')}
                    </Button>
                  </>
                }
              >
                <p className="font-medium">
                  {school.name} {here && <Badge>{t('settings:schools.here')}</Badge>}
                </p>
                <p className="text-muted">{t('settings:schools.as', { role: t(`settings:role.${school.role}`), date: dateText(school.joined_at) })}</p>
              </Row>
            </li>
          )
        })}
      </ul>
      <Confirm
        open={leaving !== null}
        onClose={() => setLeaving(null)}
        onConfirm={() => leaving && quit.mutate(leaving)}
        busy={quit.isPending}
        danger
        title={t('settings:schools.leaveTitle', { name: leaving?.name ?? '' })}
        text={t('settings:schools.leaveText')}
        action={t('settings:schools.leave')}
      >
        <div className="mt-3">
          <ProblemNotice error={quit.error} />
        </div>
      </Confirm>
    </Section>
  )
}
