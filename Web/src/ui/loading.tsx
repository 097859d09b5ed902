import { useTranslation } from 'react-i18next'

/** While a page loads. It appears after 300 ms only: what is quick does not flash. */
export function Loading() {
  const { t } = useTranslation()
  return (
    <div role="status" className="flex min-h-40 flex-1 items-center justify-center p-6 opacity-0 [animation:appear_0s_300ms_forwards]">
      <span aria-hidden className="size-6 animate-spin rounded-full border-2 border-edge border-e-transparent" />
      <span className="sr-only">{t('app:loading')}</span>
    </div>
  )
}
