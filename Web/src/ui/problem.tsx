import { useTranslation } from 'react-i18next'
import type { TFunction } from 'i18next'
import { Problem } from '@/api/problem'
import { Notice } from './notice'

/** An error in the reader's words: by its code, else what the server says. */
export function problemWords(error: unknown, t: TFunction): string {
  if (!(error instanceof Problem)) return t('problems:internal')
  const words = t(`problems:${error.code}`, { defaultValue: '', seconds: error.retryAfter ?? 0 })
  return words || error.detail || t('problems:internal')
}

/** What went wrong and what to do, in place: never only in a toast. Renders nothing without an error. */
export function ProblemNotice({ error }: { error: unknown }) {
  const { t } = useTranslation()
  if (!error) return null
  const fields = error instanceof Problem ? Object.values(error.errors).flat() : []
  return (
    <Notice kind="bad" role="alert">
      <p>{problemWords(error, t)}</p>
      {fields.length > 0 && (
        <ul className="mt-1 list-disc ps-5">
          {fields.map(field => (
            <li key={field}>{field}</li>
          ))}
        </ul>
      )}
    </Notice>
  )
}
