import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useParams, useSearch } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { Fragment, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { byCursor } from '@/api/pages'
import { BackLink } from '@/ui/back'
import { buttonStyle } from '@/ui/button'
import { cx } from '@/ui/class'
import { Pages } from '@/ui/more'
import { Page } from '@/ui/page'
import { baseQuery } from './queries'

const pageSize = 50

/** A document as it is quoted: its passages in order, under their headings. With `?at=` it opens at that passage. */
export function DocumentPage() {
  const { t } = useTranslation('material')
  const { kbId, documentId } = useParams({ from: '/signed-in/teach/material/$kbId/$documentId' })
  const { at } = useSearch({ from: '/signed-in/teach/material/$kbId/$documentId' })
  const path = { kb_id: kbId, document_id: documentId }
  const base = useQuery(baseQuery(kbId)).data
  const document = useQuery({
    queryKey: ['kb', kbId, 'document', documentId],
    queryFn: () => data(api.GET('/api/kb/{kb_id}/documents/{document_id}', { params: { path } })),
  }).data
  const passages = useInfiniteQuery({
    queryKey: ['kb', kbId, 'passages', documentId],
    queryFn: ({ pageParam }) => data(api.GET('/api/kb/{kb_id}/documents/{document_id}/passages', { params: { path, query: { limit: pageSize, cursor: pageParam } } })),
    ...byCursor,
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = passages
  const loaded = passages.data?.pages.reduce((sum, page) => sum + page.passages.length, 0) ?? 0
  // Reads on until the named passage is there; then shows it, once.
  useEffect(() => {
    if (at !== undefined && at >= loaded && hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [at, loaded, hasNextPage, isFetchingNextPage, fetchNextPage])
  const target = useRef<HTMLParagraphElement>(null)
  const there = at !== undefined && at < loaded
  useEffect(() => {
    if (there) target.current?.scrollIntoView({ block: 'center' })
  }, [there])

  return (
    <Page
      title={document?.name ?? t('material:document')}
      lead={document && [...(document.pages ? [t('material:pages', { count: document.pages })] : []), t('material:passages', { count: document.passages })].join(' · ')}
      above={<BackLink to={`/teach/material/${kbId}`}>{base?.title ?? t('material:title')}</BackLink>}
      actions={
        <a href={`/api/kb/${encodeURIComponent(kbId)}/documents/${documentId}/content?original=true`} download className={buttonStyle()}>
          <Download aria-hidden className="size-4" />
          {t('material:original')}
        </a>
      }
    >
      <Pages query={passages}>
        {pages => {
          const all = pages.flatMap(page => page.passages)
          return (
            <article className="max-w-read leading-relaxed">
              {all.map((passage, index) => (
                <Fragment key={passage.position}>
                  {passage.section && passage.section !== all[index - 1]?.section && <h2 className="mt-6 mb-2 text-base text-muted first:mt-0">{passage.section}</h2>}
                  <p
                    ref={passage.position === at ? target : undefined}
                    className={cx('mb-3 scroll-mt-8 whitespace-pre-line', passage.position === at && '-mx-3 rounded-control bg-tint px-3 py-2')}
                  >
                    {passage.text}
                  </p>
                </Fragment>
              ))}
            </article>
          )
        }}
      </Pages>
    </Page>
  )
}
