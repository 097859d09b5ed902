import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { ProblemNotice } from '@/ui/problem'

interface DocumentProps {
  kb: string
  document: string
  /** UTF-16 units of the content. */
  offset: number
  length: number
  /** The passage as it was quoted: the document may have been replaced since. */
  passage: string
}

/** UTF-16 units that are shown before and after the passage at first, and with each "more". */
const around = 3000

/** A document's text, opened at a passage. */
export function DocumentAt({ kb, document, offset, length, passage }: DocumentProps) {
  const { t } = useTranslation('chat')
  const [before, setBefore] = useState(around)
  const [after, setAfter] = useState(around)
  const mark = useRef<HTMLElement>(null)
  const query = useQuery({
    queryKey: ['document', kb, document],
    staleTime: 300_000,
    queryFn: () => data(api.GET('/api/kb/{kb_id}/documents/{document_id}/content', { params: { path: { kb_id: kb, document_id: document } }, parseAs: 'text' })) as Promise<string>,
  })
  const text = query.data
  useEffect(() => {
    if (text !== undefined) mark.current?.scrollIntoView({ block: 'center' })
  }, [text])
  if (query.isPending) return <Loading />
  if (text === undefined) return <ProblemNotice error={query.error} />
  const from = Math.max(0, offset - before)
  const to = Math.min(text.length, offset + length + after)
  const found = text.slice(offset, offset + length)
  const same = passage === '' || squeeze(found) === squeeze(passage)
  return (
    <div className="text-sm whitespace-pre-wrap wrap-anywhere">
      {!same && <p className="mb-3 rounded-control bg-warn-tint px-4 py-3 text-warn">{t('chat:source.changed')}</p>}
      {from > 0 && <Button onClick={() => setBefore(before + around * 4)}>{t('chat:source.before')}</Button>}
      <p>
        {text.slice(from, offset)}
        <mark ref={mark} className="rounded-sm bg-tint px-0.5 text-ink outline outline-accent">
          {found}
        </mark>
        {text.slice(offset + length, to)}
      </p>
      {to < text.length && <Button onClick={() => setAfter(after + around * 4)}>{t('chat:source.after')}</Button>}
    </div>
  )
}

const squeeze = (text: string) => text.replace(/\s+/g, '')
