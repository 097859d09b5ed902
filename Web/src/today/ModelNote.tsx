import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import { Dialog } from '@/ui/dialog'
import { Notice } from '@/ui/notice'

const example = 'Llm__Endpoint=http://localhost:11434/v1 Llm__Model=qwen3:8b ./run.sh'

/** Where no language model answers: what that means, and for those who can change it, how. */
export function ModelNote() {
  const { t } = useTranslation('today')
  const { data } = useQuery(capabilitiesQuery)
  const [open, setOpen] = useState(false)
  if (!data || data.model.kind === 'model') return null
  if (data.model.kind === 'none')
    return (
      <Notice kind="warn" className="mt-4">
        {t('today:model.none')}
      </Notice>
    )
  return (
    <Notice className="mt-4">
      <p>{t('today:model.primer')}</p>
      {(data.role === 'owner' || data.scopes.includes('ops')) && (
        <button type="button" onClick={() => setOpen(true)} className="mt-1 py-1 font-medium text-accent underline">
          {t('today:model.how')}
        </button>
      )}
      <Dialog open={open} onClose={() => setOpen(false)} title={t('today:model.title')}>
        <div className="flex flex-col gap-3 text-sm">
          <p>{t('today:model.start')}</p>
          <pre className="overflow-x-auto rounded-control bg-sunk p-3 font-mono text-xs whitespace-pre-wrap">{example}</pre>
          <p>{t('today:model.key')}</p>
          <p className="text-muted">{t('today:model.after')}</p>
        </div>
      </Dialog>
    </Notice>
  )
}
