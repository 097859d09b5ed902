import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Button, buttonStyle } from '@/ui/button'
import { ProblemNotice } from '@/ui/problem'

export function NotFoundPage() {
  const { t } = useTranslation()
  return (
    <main className="mx-auto flex min-h-dvh max-w-read flex-col items-start justify-center gap-4 p-6">
      <h1>{t('app:notFound.title')}</h1>
      <p className="text-muted">{t('app:notFound.text')}</p>
      <Link to="/" className={buttonStyle('primary')}>
        {t('app:notFound.home')}
      </Link>
    </main>
  )
}

export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation()
  const router = useRouter()
  return (
    <main className="mx-auto flex min-h-[60dvh] max-w-read flex-col items-start justify-center gap-4 p-6">
      <h1>{t('app:failed.title')}</h1>
      <ProblemNotice error={error} />
      <Button
        onClick={() => {
          reset()
          void router.invalidate()
        }}
      >
        {t('app:again')}
      </Button>
    </main>
  )
}
