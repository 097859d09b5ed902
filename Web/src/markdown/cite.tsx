import { createContext, use, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

interface Cite {
  onCite: (number: number) => void
  sources: number
}

const CiteContext = createContext<Cite | null>(null)
export const Citing = CiteContext.Provider

const pattern = /\[(\d{1,3})\]/g

/** Text in which "[2]" opens the second source. */
export function CitedText({ text }: { text: string }) {
  const cite = use(CiteContext)
  const { t } = useTranslation('markdown')
  if (!cite || !text.includes('[')) return text
  const parts: ReactNode[] = []
  let at = 0
  for (const found of text.matchAll(pattern)) {
    const number = Number(found[1])
    if (number < 1 || number > cite.sources) continue
    parts.push(text.slice(at, found.index))
    parts.push(
      <button
        key={found.index}
        type="button"
        aria-label={t('markdown:source', { number })}
        onClick={() => cite.onCite(number)}
        className="mx-0.5 inline-flex h-6 min-w-6 items-center justify-center rounded-control bg-tint px-1.5 align-[0.1em] text-xs font-semibold text-accent hover:underline"
      >
        {number}
      </button>,
    )
    at = found.index + found[0].length
  }
  return [...parts, text.slice(at)]
}
