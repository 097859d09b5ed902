import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Archive, ArchiveRestore, Braces, FileText, Pencil, Pin, PinOff, Trash2 } from 'lucide-react'
import { useState, type ReactElement } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { TextField } from '@/ui/field'
import { Menu, MenuItem } from '@/ui/menu'
import { ProblemNotice, problemWords } from '@/ui/problem'
import { say } from '@/ui/toast'
import { changeConversation, deleteConversation, exportAddress } from './api'
import type { Conversation } from './model'
import { conversationKey, patchConversation, readListAgain } from './useConversations'
import { messagesKey } from './useMessages'

/** What can be done with a conversation. */
export function ConversationMenu({ conversation, trigger }: { conversation: Conversation; trigger: ReactElement }) {
  const { t } = useTranslation('chat')
  const queries = useQueryClient()
  const navigate = useNavigate()
  const shown = useParams({ strict: false }).id
  const [open, setOpen] = useState<'rename' | 'delete' | null>(null)
  const { id, pinned, archived } = conversation
  const change = useMutation({
    mutationFn: (next: { title?: string; pinned?: boolean; archived?: boolean }) => changeConversation(id, next),
    onSuccess: view => {
      patchConversation(queries, id, view)
      void readListAgain(queries)
      setOpen(null)
    },
    onError: error => open === null && say(problemWords(error, t)),
  })
  const remove = useMutation({
    mutationFn: () => deleteConversation(id),
    onSuccess: async () => {
      setOpen(null)
      if (shown === id) await navigate({ to: '/c', search: {} })
      patchConversation(queries, id, null)
      queries.removeQueries({ queryKey: conversationKey(id) })
      queries.removeQueries({ queryKey: messagesKey(id) })
      void readListAgain(queries)
      say(t('chat:list.deleted'))
    },
  })
  return (
    <>
      <Menu trigger={trigger}>
        <MenuItem onClick={() => setOpen('rename')}>
          <Pencil aria-hidden />
          {t('chat:list.rename')}
        </MenuItem>
        <MenuItem onClick={() => change.mutate({ pinned: !pinned })}>
          {pinned ? <PinOff aria-hidden /> : <Pin aria-hidden />}
          {pinned ? t('chat:list.unpin') : t('chat:list.pin')}
        </MenuItem>
        <MenuItem onClick={() => change.mutate({ archived: !archived })}>
          {archived ? <ArchiveRestore aria-hidden /> : <Archive aria-hidden />}
          {archived ? t('chat:list.unarchive') : t('chat:list.archive')}
        </MenuItem>
        <MenuItem onClick={() => download(exportAddress(id, 'markdown'))}>
          <FileText aria-hidden />
          {t('chat:list.markdown')}
        </MenuItem>
        <MenuItem onClick={() => download(exportAddress(id, 'json'))}>
          <Braces aria-hidden />
          {t('chat:list.json')}
        </MenuItem>
        <MenuItem danger onClick={() => setOpen('delete')}>
          <Trash2 aria-hidden />
          {t('app:delete')}
        </MenuItem>
      </Menu>
      <RenameDialog
        key={`${open}`}
        open={open === 'rename'}
        title={conversation.title}
        busy={change.isPending}
        error={change.error}
        onClose={() => setOpen(null)}
        onSave={title => change.mutate({ title })}
      />
      <Confirm
        open={open === 'delete'}
        onClose={() => setOpen(null)}
        onConfirm={() => remove.mutate()}
        title={t('chat:list.deleteTitle')}
        text={t('chat:list.deleteText', { title: conversation.title })}
        action={t('app:delete')}
        danger
        busy={remove.isPending}
      >
        <ProblemNotice error={remove.error} />
      </Confirm>
    </>
  )
}

function RenameDialog({ open, title, busy, error, onClose, onSave }: { open: boolean; title: string; busy: boolean; error: unknown; onClose: () => void; onSave: (title: string) => void }) {
  const { t } = useTranslation('chat')
  const [next, setNext] = useState(title)
  return (
    <Dialog open={open} onClose={onClose} title={t('chat:list.rename')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          if (next.trim()) onSave(next.trim())
        }}
      >
        <TextField label={t('chat:list.name')} value={next} maxLength={200} onChange={event => setNext(event.target.value)} required />
        <ProblemNotice error={error} />
        <Button type="submit" kind="primary" busy={busy} className="self-end">
          {t('app:save')}
        </Button>
      </form>
    </Dialog>
  )
}

/** The response is an attachment: the page stays. */
function download(address: string): void {
  const link = document.createElement('a')
  link.href = address
  link.download = ''
  link.click()
}
