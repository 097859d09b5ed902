import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { TextField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'

/** Shows what a tutor would be given for a question: the passages, best first, each with its place. */
export function Retrieval({ kbId }: { kbId: string }) {
  const { t } = useTranslation('material')
  const [words, setWords] = useState('')
  const [asked, setAsked] = useState('')
  const found = useQuery({
    queryKey: ['kb', kbId, 'search', asked],
    enabled: asked !== '',
    queryFn: () => data(api.GET('/api/kb/{kb_id}/search', { params: { path: { kb_id: kbId }, query: { q: asked, limit: 5 } } })),
  })
  return (
    <>
      <p className="mb-3 text-sm text-muted">{t('material:retrieval.text')}</p>
      <form
        className="flex items-end gap-2"
        onSubmit={event => {
          event.preventDefault()
          setAsked(words.trim())
        }}
      >
        <div className="min-w-0 flex-1">
          <TextField bare label={t('material:retrieval.label')} placeholder={t('material:retrieval.placeholder')} value={words} onChange={event => setWords(event.target.value)} maxLength={1000} />
        </div>
        <Button type="submit" disabled={!words.trim()} busy={found.isFetching}>
          <Search aria-hidden className="size-4" />
          {t('material:retrieval.action')}
        </Button>
      </form>
      {asked !== '' && (
        <div className="mt-4">
          <Loaded query={found}>
            {({ passages }) => (
              <>
                <p role="status" className="mb-3 text-sm text-muted">
                  {passages.length === 0 ? t('material:retrieval.nothing') : t('material:retrieval.found', { count: passages.length })}
                </p>
                <ol className="flex flex-col gap-3">
                  {passages.map(passage => (
                    <li key={`${passage.document_id}:${passage.position}`} className="rounded-card border border-line bg-raised px-4 py-3">
                      <p className="text-sm text-muted">
                        <Link
                          to="/teach/material/$kbId/$documentId"
                          params={{ kbId, documentId: passage.document_id }}
                          search={{ at: passage.position }}
                          className="font-medium text-accent underline underline-offset-4"
                        >
                          {passage.document}
                        </Link>
                        {passage.section && ` · ${passage.section}`}
                      </p>
                      <p className="mt-1 whitespace-pre-line">{passage.text}</p>
                    </li>
                  ))}
                </ol>
              </>
            )}
          </Loaded>
        </div>
      )}
    </>
  )
}
