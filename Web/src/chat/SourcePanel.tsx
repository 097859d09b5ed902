import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { DocumentAt } from './DocumentAt'
import type { AnswerSource } from './model'
import { useSourceName } from './SourceChips'

/** A source of an answer: its passage, and where that stands in its document. */
export function SourcePanel({ source, onClose }: { source: AnswerSource | null; onClose: () => void }) {
  const { t } = useTranslation('chat')
  return (
    <Dialog open={source !== null} onClose={onClose} title={source ? t('chat:source.title', { number: source.number }) : ''} side>
      {source && <Passage key={source.id} source={source} />}
    </Dialog>
  )
}

function Passage({ source }: { source: AnswerSource }) {
  const { t } = useTranslation('chat')
  const [opened, setOpened] = useState(false)
  const nameOf = useSourceName()
  const { kb_id, document_id, offset, length } = source
  const canOpen = !!kb_id && !!document_id && typeof offset === 'number' && typeof length === 'number'
  return (
    <div className="flex flex-col gap-4">
      <div>
        <p className="font-medium wrap-anywhere">{nameOf(source)}</p>
        {source.title && source.title !== source.source && <p className="text-sm text-muted wrap-anywhere">{source.title}</p>}
      </div>
      {opened && canOpen ? (
        <DocumentAt kb={kb_id} document={document_id} offset={offset} length={length} passage={source.text ?? ''} />
      ) : (
        <>
          {source.text ? (
            <blockquote className="border-s-2 border-accent ps-4 whitespace-pre-wrap wrap-anywhere">{source.text}</blockquote>
          ) : (
            <p className="text-sm text-muted">{t('chat:source.notCited')}</p>
          )}
          {canOpen && (
            <Button className="self-start" onClick={() => setOpened(true)}>
              {t('chat:source.open')}
            </Button>
          )}
        </>
      )}
    </div>
  )
}
