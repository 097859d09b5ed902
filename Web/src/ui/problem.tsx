import { useTranslation } from 'react-i18next'
import type { TFunction } from 'i18next'
import { Problem } from '@/api/problem'
import { buttonStyle } from './button'
import { Notice } from './notice'
import { inSeconds } from './time'

/** An error in the reader's words: by its code, else what the server says. */
export function problemWords(error: unknown, t: TFunction): string {
  if (!(error instanceof Problem)) return t('problems:internal')
  const wait = error.retryAfter
  const words = t(`problems:${error.code}`, { defaultValue: '', seconds: wait ?? 0, when: wait ? inSeconds(wait) : t('problems:soon') })
  return words || error.detail || t('problems:internal')
}

/** What went wrong and what to do, in place: never only in a toast. Renders nothing without an error. */
export function ProblemNotice({ error }: { error: unknown }) {
  const { t } = useTranslation()
  if (!error) return null
  const signedOut = error instanceof Problem && error.code === 'unauthorized'
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
      {signedOut && (
        // A whole page load: nothing of the sign-in that ended stays in memory.
        <a href={`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`} className={buttonStyle('secondary', 'mt-2')}>
          {t('problems:signIn')}
        </a>
      )}
    </Notice>
  )
}
