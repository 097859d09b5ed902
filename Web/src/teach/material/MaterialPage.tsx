import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { FolderOpen, Plus } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Empty, Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { relativeTime } from '@/ui/time'
import { TeachTabs } from '../TeachTabs'
import { basesQuery, makeBase } from './queries'

export function MaterialPage() {
  const { t } = useTranslation('material')
  const [making, setMaking] = useState(false)
  const bases = useQuery(basesQuery)
  const make = (
    <Button kind="primary" onClick={() => setMaking(true)}>
      <Plus aria-hidden className="size-4" />
      {t('material:make.open')}
    </Button>
  )
  return (
    <Page title={t('material:title')} lead={t('material:lead')} above={<TeachTabs />} actions={bases.data?.length ? make : undefined}>
      <Loaded query={bases}>
        {list =>
          list.length === 0 ? (
            <Empty title={t('material:empty.title')} action={make}>
              {t('material:empty.text')}
            </Empty>
          ) : (
            <ul className="flex flex-col gap-2">
              {list.map(base => (
                <li key={base.kb_id}>
                  <Link
                    to="/teach/material/$kbId"
                    params={{ kbId: base.kb_id }}
                    className="flex items-center gap-4 rounded-card border border-line bg-raised px-4 py-3.5 hover:border-edge"
                  >
                    <FolderOpen aria-hidden className="size-5 shrink-0 text-muted" />
                    <span className="min-w-0 flex-1 font-medium">{base.title}</span>
                    <span className="shrink-0 text-sm text-muted">{relativeTime(base.updated_at)}</span>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <MakeBase open={making} onClose={() => setMaking(false)} />
    </Page>
  )
}

function MakeBase({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation('material')
  const [title, setTitle] = useState('')
  const cache = useQueryClient()
  const navigate = useNavigate()
  const make = useMutation({
    mutationFn: () => makeBase(title.trim()),
    onSuccess: base => {
      void cache.invalidateQueries({ queryKey: basesQuery.queryKey })
      void navigate({ to: '/teach/material/$kbId', params: { kbId: base.kb_id } })
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={t('material:make.title')} description={t('material:make.text')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <TextField label={t('material:make.name')} value={title} onChange={event => setTitle(event.target.value)} maxLength={200} required autoComplete="off" />
        <ProblemNotice error={make.error} />
        <Button kind="primary" type="submit" busy={make.isPending} disabled={!title.trim()} className="self-end">
          {t('material:make.action')}
        </Button>
      </form>
    </Dialog>
  )
}
