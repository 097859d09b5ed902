import { useMutation, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Confirm } from '@/ui/dialog'
import { Loaded } from '@/ui/loaded'
import { ProblemNotice } from '@/ui/problem'
import { useDeleted } from '@/ui/deleted'
import { say } from '@/ui/toast'
import { DocumentRow } from './DocumentRow'
import { documentsQuery, isMoving, type Document } from './queries'
import { UploadRow } from './UploadRow'
import { useUploads } from './uploads'
import { useDocumentEvents } from './useDocumentEvents'

/** What a knowledge base holds, and what is on its way to it. */
export function Documents({ kbId, query }: { kbId: string; query: UseQueryResult<Document[]> }) {
  const { t } = useTranslation('material')
  const uploads = useUploads(kbId)
  useDocumentEvents(kbId)
  const { list: box, deleted, finalFocus } = useDeleted<HTMLElement>()
  const [deleting, setDeleting] = useState<Document | null>(null)
  const cache = useQueryClient()
  const remove = useMutation({
    mutationFn: (document: Document) =>
      data(api.DELETE('/api/kb/{kb_id}/documents/{document_id}', { params: { path: { kb_id: kbId, document_id: document.id } } })),
    onSuccess: (_, document) => {
      cache.setQueryData(documentsQuery(kbId).queryKey, list => list?.filter(one => one.id !== document.id))
      deleted()
      setDeleting(null)
      say(t('material:deleted', { name: document.name }))
    },
  })
  const moving = query.data?.filter(isMoving).length ?? 0
  const failed = query.data?.filter(document => document.status === 'failed').length ?? 0
  return (
    <section ref={box} tabIndex={-1} aria-label={t('material:documents')} className="mt-6 outline-none">
      <p role="status" className="sr-only">
        {uploads.some(({ state }) => state === 'sending') ? t('material:said.sending') : ''}{' '}
        {moving > 0 ? t('material:said.reading', { count: moving }) : query.data?.length ? t('material:said.ready', { count: query.data.length - failed }) : ''}{' '}
        {failed > 0 ? t('material:said.failed', { count: failed }) : ''}
      </p>
      <Loaded query={query}>
        {list =>
          list.length + uploads.length === 0 ? (
            <p className="text-muted">{t('material:none')}</p>
          ) : (
            <ul className="rounded-card border border-line bg-raised">
              {uploads.map(upload => (
                <UploadRow key={upload.id} upload={upload} />
              ))}
              {list.map(document => (
                <DocumentRow key={document.id} kbId={kbId} document={document} onDelete={() => setDeleting(document)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <Confirm
        open={deleting !== null}
        onClose={() => setDeleting(null)}
        onConfirm={() => deleting && remove.mutate(deleting)}
        title={t('material:deleteDocument.title', { name: deleting?.name ?? '' })}
        text={t('material:deleteDocument.text')}
        action={t('app:delete')}
        danger
        busy={remove.isPending}
        finalFocus={finalFocus}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={remove.error} />
        </div>
      </Confirm>
    </section>
  )
}
