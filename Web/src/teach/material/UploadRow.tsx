import { FileUp, FileX, X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { Button, IconButton } from '@/ui/button'
import { cx } from '@/ui/class'
import { bytesText, percentText } from '@/ui/number'
import { problemWords } from '@/ui/problem'
import { dropUpload, retryUpload, type Upload } from './uploads'
import { useRefusalWords } from './useRefusalWords'

/** A file on its way, or one that was refused, and why. */
export function UploadRow({ upload }: { upload: Upload }) {
  const { t } = useTranslation('material')
  const refusalWords = useRefusalWords()
  const moving = upload.state === 'waiting' || upload.state === 'sending'
  const Icon = moving ? FileUp : FileX
  return (
    <li className="flex items-center gap-3 border-b border-line py-3 ps-4 pe-2 last:border-0">
      <Icon aria-hidden className={cx('size-5 shrink-0 self-start', moving ? 'text-muted' : 'text-bad')} />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{upload.name}</p>
        {moving && (
          <div className="mt-1 flex items-center gap-3 text-sm text-muted">
            <progress max={1} value={upload.sent} aria-label={t('material:upload.progress', { name: upload.name })} className="h-1.5 max-w-64 flex-1 accent-accent" />
            <span className="tabular-nums">
              {upload.state === 'waiting'
                ? t('material:upload.waiting')
                : upload.sent >= 1
                  ? t('material:upload.storing')
                  : t('material:upload.sent', { share: percentText(upload.sent), size: bytesText(upload.size) })}
            </span>
          </div>
        )}
        {upload.state === 'refused' && (
          <p role="alert" className="text-sm text-bad">
            {refusalWords(upload, upload.refusal!)}
          </p>
        )}
        {upload.state === 'failed' && (
          <p role="alert" className="text-sm text-bad">
            {problemWords(upload.error, t)}
          </p>
        )}
      </div>
      {upload.state === 'failed' && <Button onClick={() => retryUpload(upload.id)}>{t('app:again')}</Button>}
      <IconButton label={moving ? t('material:upload.stop', { name: upload.name }) : t('material:upload.dismiss', { name: upload.name })} onClick={() => dropUpload(upload.id)}>
        <X aria-hidden />
      </IconButton>
    </li>
  )
}
