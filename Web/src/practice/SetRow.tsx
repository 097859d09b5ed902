import { Ellipsis, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '@/app/query'
import { IconButton } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Menu, MenuItem } from '@/ui/menu'
import { Badge } from '@/ui/notice'
import { PathLink } from '@/ui/pathlink'
import { ProblemNotice } from '@/ui/problem'
import { dateText } from '@/ui/time'
import { say } from '@/ui/toast'
import { deleteSet, type PracticeSet } from './api'

export function SetRow({ set, due }: { set: PracticeSet; due: number }) {
  const { t } = useTranslation('practice')
  const [asking, ask] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const remove = async () => {
    setBusy(true)
    setProblem(null)
    try {
      await deleteSet(set.id)
      say(t('practice:sets.deleted'))
      document.getElementById('main')?.focus()
      await queries.invalidateQueries({ queryKey: ['practice'] })
    } catch (error) {
      setProblem(error)
    } finally {
      setBusy(false)
    }
  }
  const about = [t(`practice:sets.from.${set.made_from}`), set.is_own ? dateText(set.created_at) : t('practice:sets.shared')]
  return (
    <li className="flex items-center gap-2 pe-2">
      <PathLink href={`/practice/${set.id}`} className="flex min-h-14 min-w-0 flex-1 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover focus-visible:-outline-offset-2">
        <span className="min-w-0 flex-1 basis-52">
          <span className="line-clamp-2 font-medium">{set.title}</span>
          <span className="text-sm text-muted">{about.join(' · ')}</span>
        </span>
        {due > 0 ? <Badge>{t('practice:sets.due', { count: due })}</Badge> : <span className="text-sm text-muted">{t('practice:sets.none')}</span>}
      </PathLink>
      {set.is_own && (
        <Menu
          trigger={
            <IconButton label={t('practice:sets.actions', { title: set.title })}>
              <Ellipsis aria-hidden />
            </IconButton>
          }
        >
          <MenuItem danger onClick={() => ask(true)}>
            <Trash2 aria-hidden />
            {t('app:delete')}
          </MenuItem>
        </Menu>
      )}
      <Confirm
        open={asking}
        onClose={() => ask(false)}
        onConfirm={() => void remove()}
        title={t('practice:sets.delete', { title: set.title })}
        text={t('practice:sets.deleteText')}
        action={t('app:delete')}
        danger
        busy={busy}
      >
        {!!problem && (
          <div className="mt-3">
            <ProblemNotice error={problem} />
          </div>
        )}
      </Confirm>
    </li>
  )
}
