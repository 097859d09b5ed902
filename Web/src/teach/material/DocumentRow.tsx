import { Link } from '@tanstack/react-router'
import { FileText, Trash2 } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import { Badge } from '@/ui/notice'
import { bytesText } from '@/ui/number'
import { isMoving, type Document } from './queries'

const kinds = { queued: 'info', reading: 'info', indexing: 'info', ready: 'good', failed: 'bad' } as const

/** A document with its state in words; a failed one with its cause and what to do. */
export function DocumentRow({ kbId, document, onDelete }: { kbId: string; document: Document; onDelete: () => void }) {
  const { t } = useTranslation('material')
  const { name, status, failure, pages, passages, length, detail } = document
  const facts = [bytesText(length), ...(pages ? [t('material:pages', { count: pages })] : []), ...(status === 'ready' ? [t('material:passages', { count: passages })] : [])]
  return (
    <li className="flex items-start gap-3 border-b border-line py-3 ps-4 pe-2 last:border-0">
      <FileText aria-hidden className="mt-0.5 size-5 shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">
          {status === 'ready' ? (
            <Link to="/teach/material/$kbId/$documentId" params={{ kbId, documentId: document.id }} className="underline decoration-line underline-offset-4 hover:decoration-current">
              {name}
            </Link>
          ) : (
            name
          )}
        </p>
        <p className="text-sm text-muted">{facts.join(' · ')}</p>
        {status === 'failed' && <p className="mt-1 text-sm text-bad">{t(`material:failure.${failure ?? 'unknown'}`, { defaultValue: detail ?? t('material:failure.unknown') })}</p>}
        {status === 'ready' && detail && <p className="mt-1 text-sm text-warn">{t('material:partly', { detail })}</p>}
      </div>
      <div className="flex shrink-0 items-center gap-1">
        {status !== 'ready' && (
          <Badge kind={kinds[status as keyof typeof kinds] ?? 'plain'}>
            {isMoving(document) && <span aria-hidden className="size-3 animate-spin rounded-full border-2 border-current border-e-transparent" />}
            {t(`material:status.${status}`)}
          </Badge>
        )}
        <IconButton label={t('material:deleteNamed', { name })} onClick={onDelete} className="-my-1.5">
          <Trash2 aria-hidden />
        </IconButton>
      </div>
    </li>
  )
}
