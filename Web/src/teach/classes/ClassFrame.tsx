import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Archive, ArchiveRestore, Ellipsis, Pencil } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { BackLink } from '@/ui/back'
import { Button, IconButton } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { Menu, MenuItem } from '@/ui/menu'
import { Notice } from '@/ui/notice'
import { Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { LinkTabs } from '@/ui/tabs'
import { classesQuery, classQuery, type Class } from './queries'

export const useClassId = (): string => useParams({ strict: false }).classId as string

/** What all pages of a class have: its name, its tabs, its menu. */
export function ClassFrame({ children }: { children: (of: Class) => ReactNode }) {
  const { t } = useTranslation('classes')
  const id = useClassId()
  const found = useQuery(classQuery(id))
  const root = `/teach/classes/${id}`
  return (
    <Page
      title={found.data?.name ?? t('classes:class')}
      lead={found.data && t('classes:students', { count: found.data.students ?? 0 })}
      above={<BackLink to="/teach/classes">{t('classes:title')}</BackLink>}
      actions={found.data && <ClassMenu of={found.data} />}
    >
      <LinkTabs
        label={found.data?.name ?? t('classes:class')}
        tabs={[
          { to: root, label: t('classes:tab.students'), exact: true },
          { to: `${root}/invite`, label: t('classes:tab.invite') },
          { to: `${root}/shares`, label: t('classes:tab.shares') },
          { to: `${root}/overview`, label: t('classes:tab.overview') },
          { to: `${root}/questions`, label: t('classes:tab.questions') },
          { to: `${root}/rules`, label: t('classes:tab.rules') },
        ]}
      />
      {found.data?.archived_at && <Notice className="mb-6">{t('classes:archivedText')}</Notice>}
      <Loaded query={found}>{children}</Loaded>
    </Page>
  )
}

function ClassMenu({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const [open, setOpen] = useState<'rename' | 'archive' | null>(null)
  const change = useChangeClass(of.id, () => setOpen(null))
  return (
    <>
      <Menu
        trigger={
          <IconButton label={t('classes:actions')}>
            <Ellipsis aria-hidden />
          </IconButton>
        }
      >
        <MenuItem onClick={() => setOpen('rename')}>
          <Pencil aria-hidden />
          {t('classes:rename')}
        </MenuItem>
        {of.archived_at ? (
          <MenuItem onClick={() => change.mutate({ archived: false })}>
            <ArchiveRestore aria-hidden />
            {t('classes:restore')}
          </MenuItem>
        ) : (
          <MenuItem onClick={() => setOpen('archive')}>
            <Archive aria-hidden />
            {t('classes:archive.action')}
          </MenuItem>
        )}
      </Menu>
      {open === 'rename' && <RenameClass of={of} change={change} onClose={() => setOpen(null)} />}
      <Confirm
        open={open === 'archive'}
        onClose={() => setOpen(null)}
        onConfirm={() => change.mutate({ archived: true })}
        title={t('classes:archive.title', { name: of.name })}
        text={t('classes:archive.text')}
        action={t('classes:archive.action')}
        busy={change.isPending}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={change.error} />
        </div>
      </Confirm>
    </>
  )
}

/** Changes a class; what is shown of it follows. */
export function useChangeClass(id: string, onDone?: () => void) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (body: { name?: string; visibility?: string; archived?: boolean }) => data(api.PATCH('/api/classes/{id}', { params: { path: { id } }, body })),
    onSuccess: changed => {
      cache.setQueryData(classQuery(id).queryKey, changed)
      void cache.invalidateQueries({ queryKey: classesQuery.queryKey, exact: true })
      onDone?.()
    },
  })
}

function RenameClass({ of, change, onClose }: { of: Class; change: ReturnType<typeof useChangeClass>; onClose: () => void }) {
  const { t } = useTranslation('classes')
  const [name, setName] = useState(of.name)
  return (
    <Dialog open onClose={onClose} title={t('classes:rename')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          change.mutate({ name: name.trim() })
        }}
      >
        <TextField label={t('classes:make.name')} value={name} onChange={event => setName(event.target.value)} maxLength={100} required autoComplete="off" />
        <ProblemNotice error={change.error} />
        <Button kind="primary" type="submit" busy={change.isPending} disabled={!name.trim()} className="self-end">
          {t('app:save')}
        </Button>
      </form>
    </Dialog>
  )
}
