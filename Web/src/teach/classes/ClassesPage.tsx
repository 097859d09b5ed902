import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Plus, Users } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { SelectField, TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Badge } from '@/ui/notice'
import { Empty, Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { TeachTabs } from '../TeachTabs'
import { classesQuery, type Class } from './queries'

export function ClassesPage() {
  const { t } = useTranslation('classes')
  const [making, setMaking] = useState(false)
  const classes = useQuery({ ...classesQuery, select: list => list.filter(one => one.manages).sort((a, b) => Number(!!a.archived_at) - Number(!!b.archived_at)) })
  const make = (
    <Button kind="primary" onClick={() => setMaking(true)}>
      <Plus aria-hidden className="size-4" />
      {t('classes:make.open')}
    </Button>
  )
  return (
    <Page title={t('classes:title')} lead={t('classes:lead')} above={<TeachTabs />} actions={classes.data?.length ? make : undefined}>
      <Loaded query={classes}>
        {list =>
          list.length === 0 ? (
            <Empty title={t('classes:empty.title')} action={make}>
              {t('classes:empty.text')}
            </Empty>
          ) : (
            <ul className="flex flex-col gap-2">
              {list.map(one => (
                <ClassRow key={one.id} of={one} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <MakeClass open={making} onClose={() => setMaking(false)} />
    </Page>
  )
}

function ClassRow({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  return (
    <li>
      <Link
        to="/teach/classes/$classId"
        params={{ classId: of.id }}
        className="flex items-center gap-4 rounded-card border border-line bg-raised px-4 py-3.5 hover:border-edge"
      >
        <Users aria-hidden className="size-5 shrink-0 text-muted" />
        <span className="min-w-0 flex-1">
          <span className="font-medium">{of.name}</span>
          <span className="block text-sm text-muted">{[t('classes:students', { count: of.students ?? 0 }), of.teacher_name].join(' · ')}</span>
        </span>
        {of.archived_at && <Badge kind="plain">{t('classes:archived')}</Badge>}
      </Link>
    </li>
  )
}

function MakeClass({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation('classes')
  const [name, setName] = useState('')
  const [visibility, setVisibility] = useState('progress')
  const cache = useQueryClient()
  const navigate = useNavigate()
  const make = useMutation({
    mutationFn: () => data(api.POST('/api/classes', { body: { name: name.trim(), visibility } })),
    onSuccess: made => {
      void cache.invalidateQueries({ queryKey: classesQuery.queryKey, exact: true })
      void navigate({ to: '/teach/classes/$classId/invite', params: { classId: made.id } })
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={t('classes:make.title')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <TextField label={t('classes:make.name')} value={name} onChange={event => setName(event.target.value)} maxLength={100} required autoComplete="off" />
        <SelectField label={t('classes:visibility.label')} hint={t(`classes:visibility.hint.${visibility}`)} value={visibility} onChange={event => setVisibility(event.target.value)}>
          <option value="progress">{t('classes:visibility.progress')}</option>
          <option value="conversations">{t('classes:visibility.conversations')}</option>
        </SelectField>
        <ProblemNotice error={make.error} />
        <Button kind="primary" type="submit" busy={make.isPending} disabled={!name.trim()} className="self-end">
          {t('classes:make.action')}
        </Button>
      </form>
    </Dialog>
  )
}
