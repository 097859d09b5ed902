import { useQuery } from '@tanstack/react-query'
import { FileUp } from 'lucide-react'
import { useRef, useState, type DragEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import { Button } from '@/ui/button'
import { cx } from '@/ui/class'
import { bytesText } from '@/ui/number'
import { endingsOf } from './files'
import { filesOf } from './folders'

interface DropZoneProps {
  onFiles: (files: File[]) => void
  title: ReactNode
  /** The button is the page's main one. */
  primary?: boolean
  busy?: boolean
}

/** Takes files and folders that are dropped on it, or chosen by its button. */
export function DropZone({ onFiles, title, primary, busy }: DropZoneProps) {
  const { t, i18n } = useTranslation('material')
  const capabilities = useQuery(capabilitiesQuery).data
  const input = useRef<HTMLInputElement>(null)
  // Entering a child counts as leaving its parent: counted, not a flag.
  const depth = useRef(0)
  const [over, setOver] = useState(false)
  const leave = () => {
    depth.current = 0
    setOver(false)
  }
  const drop = async (event: DragEvent) => {
    event.preventDefault()
    leave()
    const files = await filesOf(event.dataTransfer)
    if (files.length > 0) onFiles(files)
  }
  const endings = capabilities ? endingsOf(capabilities.documents) : []
  return (
    <div
      onDragEnter={() => {
        depth.current++
        setOver(true)
      }}
      onDragLeave={() => {
        depth.current--
        if (depth.current <= 0) leave()
      }}
      onDragOver={event => event.preventDefault()}
      onDrop={event => void drop(event)}
      className={cx('flex flex-wrap items-center gap-x-5 gap-y-3 rounded-card border border-dashed px-5 py-5', over ? 'border-accent bg-tint' : 'border-edge')}
    >
      <FileUp aria-hidden className="size-6 shrink-0 text-muted" />
      <div className="min-w-48 flex-1">
        <p className="font-medium">{over ? t('material:drop.over') : title}</p>
        {capabilities && (
          <p className="text-sm text-muted">
            {t('material:drop.kinds', {
              kinds: new Intl.ListFormat(i18n.language, { type: 'disjunction' }).format(endings.map(ending => ending.slice(1).toUpperCase())),
              size: bytesText(capabilities.limits.document_bytes ?? capabilities.limits.upload_bytes),
            })}
          </p>
        )}
      </div>
      <Button kind={primary ? 'primary' : 'secondary'} busy={busy} onClick={() => input.current?.click()}>
        {t('material:drop.choose')}
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={endings.join(',')}
        aria-label={t('material:drop.choose')}
        onChange={event => {
          const files = [...(event.target.files ?? [])]
          event.target.value = ''
          if (files.length > 0) onFiles(files)
        }}
      />
    </div>
  )
}
