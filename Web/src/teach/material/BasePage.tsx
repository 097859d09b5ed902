import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Ellipsis, Pencil, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { BackLink } from '@/ui/back'
import { Button, IconButton } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Menu, MenuItem } from '@/ui/menu'
import { Page, Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { Documents } from './Documents'
import { DropZone } from './DropZone'
import { basesQuery, baseQuery, documentsQuery, type Base } from './queries'
import { Retrieval } from './Retrieval'
import { useTakeFiles } from './useTakeFiles'

export function BasePage() {
  const { t } = useTranslation('material')
  const { kbId } = useParams({ from: '/signed-in/teach/material/$kbId' })
  const base = useQuery(baseQuery(kbId))
  const documents = useQuery(documentsQuery(kbId))
  const take = useTakeFiles(kbId)
  const ready = documents.data?.some(document => document.status === 'ready') ?? false
  return (
    <Page
      title={base.data?.title ?? t('material:title')}
      above={<BackLink to="/teach/material">{t('material:title')}</BackLink>}
      actions={base.data && <BaseMenu base={base.data} />}
    >
      <Loaded query={base}>
        {() => (
          <>
            <DropZone title={t('material:drop.title')} onFiles={take} />
            <Documents kbId={kbId} query={documents} />
            {ready && (
              <Section title={t('material:retrieval.title')}>
                <Retrieval kbId={kbId} />
              </Section>
            )}
          </>
        )}
      </Loaded>
    </Page>
  )
}

function BaseMenu({ base }: { base: Base }) {
  const { t } = useTranslation('material')
  const [open, setOpen] = useState<'rename' | 'delete' | null>(null)
  const cache = useQueryClient()
  const navigate = useNavigate()
  const remove = useMutation({
    mutationFn: () => data(api.DELETE('/api/kb/{kb_id}', { params: { path: { kb_id: base.kb_id } } })),
    onSuccess: async () => {
      await navigate({ to: '/teach/material' })
      cache.removeQueries({ queryKey: ['kb', base.kb_id] })
      void cache.invalidateQueries({ queryKey: basesQuery.queryKey, exact: true })
      say(t('material:deleted', { name: base.title }))
    },
  })
  return (
    <>
      <Menu
        trigger={
          <IconButton label={t('material:actions')}>
            <Ellipsis aria-hidden />
          </IconButton>
        }
      >
        <MenuItem onClick={() => setOpen('rename')}>
          <Pencil aria-hidden />
          {t('material:rename.open')}
        </MenuItem>
        <MenuItem danger onClick={() => setOpen('delete')}>
          <Trash2 aria-hidden />
          {t('app:delete')}
        </MenuItem>
      </Menu>
      {open === 'rename' && <RenameBase base={base} onClose={() => setOpen(null)} />}
      <Confirm
        open={open === 'delete'}
        onClose={() => setOpen(null)}
        onConfirm={() => remove.mutate()}
        title={t('material:delete.title', { name: base.title })}
        text={t('material:delete.text')}
        action={t('app:delete')}
        danger
        busy={remove.isPending}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={remove.error} />
        </div>
      </Confirm>
    </>
  )
}

function RenameBase({ base, onClose }: { base: Base; onClose: () => void }) {
  const { t } = useTranslation('material')
  const [title, setTitle] = useState(base.title)
  const cache = useQueryClient()
  const rename = useMutation({
    mutationFn: () => data(api.PUT('/api/kb/{kb_id}', { params: { path: { kb_id: base.kb_id } }, body: { title: title.trim() } })),
    onSuccess: changed => {
      cache.setQueryData(baseQuery(base.kb_id).queryKey, changed)
      void cache.invalidateQueries({ queryKey: basesQuery.queryKey, exact: true })
      onClose()
    },
  })
  return (
    <Dialog open onClose={onClose} title={t('material:rename.title')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          rename.mutate()
        }}
      >
        <TextField label={t('material:make.name')} value={title} onChange={event => setTitle(event.target.value)} maxLength={200} required autoComplete="off" />
        <ProblemNotice error={rename.error} />
        <Button kind="primary" type="submit" busy={rename.isPending} disabled={!title.trim()} className="self-end">
          {t('app:save')}
        </Button>
      </form>
    </Dialog>
  )
}
