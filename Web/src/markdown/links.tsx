import { ImageOff } from 'lucide-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

/** Addresses that a text may link to: the web and mail. Relative ones would lead to our own pages: a text does not know these. */
export function safeAddress(url: string): string | null {
  try {
    const parsed = new URL(url)
    return ['http:', 'https:', 'mailto:'].includes(parsed.protocol) ? parsed.href : null
  } catch {
    return null
  }
}

const cut = /[\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/

/** A link. `text`: what it shows, if that is text alone. Where that is its own address, Chinese punctuation ends it: 见 https://a.cn。 */
export function TextLink({ url, text, children }: { url: string; text: string | null; children: ReactNode }) {
  const bare = text !== null && (url === text || url === `http://${text}` || url === `mailto:${text}`)
  const end = bare ? text.search(cut) : -1
  const address = safeAddress(end > 0 ? url.slice(0, url.length - (text!.length - end)) : url)
  if (address === null) return children
  const anchor = (
    <a href={address} target="_blank" rel="noopener noreferrer">
      {end > 0 ? text!.slice(0, end) : children}
    </a>
  )
  return end > 0 ? [<span key="link">{anchor}</span>, text!.slice(end)] : anchor
}

/** A picture from elsewhere is not requested: its text, as a link that the reader may follow. */
export function Picture({ url, alt, inLink }: { url: string; alt: string; inLink: boolean }) {
  const { t } = useTranslation('markdown')
  const address = safeAddress(url)
  const words = alt || t('markdown:image')
  if (address === null || inLink) return words
  return (
    <a href={address} target="_blank" rel="noopener noreferrer">
      <ImageOff aria-hidden className="me-1.5 mb-0.5 inline size-4" />
      {words}
    </a>
  )
}
