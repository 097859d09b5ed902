import { X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import type { Attached } from './useImages'

/** The images of the next question, and why one was not taken. */
export function ImageRow({ images, refusal, onRemove }: { images: Attached[]; refusal: string | null; onRemove: (url: string) => void }) {
  const { t } = useTranslation('chat')
  return (
    <>
      {refusal && (
        <p role="alert" className="px-1 pt-2 text-sm text-bad">
          {refusal}
        </p>
      )}
      {images.length > 0 && (
        <ul className="flex flex-wrap gap-2 pt-2">
          {images.map(({ url, name, id }) => (
            <li key={url} className="relative">
              <img src={url} alt={name} className={`size-16 rounded-control border border-line object-cover ${id ? '' : 'opacity-50'}`} />
              <IconButton label={t('chat:image.remove', { name })} onClick={() => onRemove(url)} className="absolute -end-2 -top-2 size-6 rounded-full border border-line bg-raised">
                <X aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
