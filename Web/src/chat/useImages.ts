import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { readProblem } from '@/api/problem'
import { capabilitiesQuery } from '@/api/queries'
import { send } from '@/api/send'
import { problemWords } from '@/ui/problem'
import { smaller } from './photo'

export interface Attached {
  /** Of the preview. */
  url: string
  name: string
  /** At the server; null: it is still on its way. */
  id: string | null
}

/** Images of the next question. What is not taken is said in `refusal`. */
export function useImages() {
  const { t } = useTranslation('chat')
  const capabilities = useQuery(capabilitiesQuery).data
  const most = capabilities?.vision ? capabilities.limits.images : 0
  const [images, setImages] = useState<Attached[]>([])
  const [refusal, setRefusal] = useState<string | null>(null)

  const add = async (files: File[]) => {
    setRefusal(null)
    for (const [index, file] of files.entries()) {
      if (!file.type.startsWith('image/') && !/\.hei[cf]$/i.test(file.name)) return setRefusal(t('chat:image.onlyImages'))
      if (most === 0) return setRefusal(t('chat:image.noVision'))
      if (/hei[cf]/i.test(file.type) || /\.hei[cf]$/i.test(file.name)) return setRefusal(t('chat:image.heic'))
      if (images.length + index >= most) return setRefusal(t('chat:image.tooMany', { count: most }))
      const photo = await smaller(file).catch(() => null)
      if (!photo) return setRefusal(t('chat:image.unreadable', { name: file.name }))
      const url = URL.createObjectURL(photo)
      setImages(now => [...now, { url, name: file.name, id: null }])
      try {
        const response = await send('/api/images', { method: 'POST', headers: { 'content-type': photo.type }, body: photo })
        if (!response.ok) throw await readProblem(response)
        const { id } = (await response.json()) as { id: string }
        setImages(now => now.map(one => (one.url === url ? { ...one, id } : one)))
      } catch (error) {
        setRefusal(problemWords(error, t))
        remove(url)
      }
    }
  }
  const remove = (url: string) => {
    URL.revokeObjectURL(url)
    setImages(now => now.filter(one => one.url !== url))
  }
  const clear = () => {
    images.forEach(({ url }) => URL.revokeObjectURL(url))
    setImages([])
    setRefusal(null)
  }
  return { images, most, refusal, add, remove, clear }
}
