import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { Dialog } from '@/ui/dialog'

/** Only who runs the system can connect a model: others are told whom to ask. */
export function ConnectModel() {
  const { t } = useTranslation('chat')
  const me = useQuery(meQuery).data
  const [open, setOpen] = useState(false)
  if (!me) return null
  if (me.role !== 'owner' && !me.scopes.includes('ops')) return <p className="text-sm text-muted">{t('chat:model.askOperator')}</p>
  return (
    <>
      <button type="button" onClick={() => setOpen(true)} className="text-sm text-accent underline underline-offset-2">
        {t('chat:model.how')}
      </button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('chat:model.title')} description={t('chat:model.text')}>
        <pre className="overflow-x-auto rounded-control bg-sunk p-3 font-mono text-sm">{t('chat:model.settings')}</pre>
        <p className="mt-3 text-sm text-muted">{t('chat:model.after')}</p>
      </Dialog>
    </>
  )
}
