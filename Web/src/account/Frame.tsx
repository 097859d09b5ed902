import { useTranslation } from 'react-i18next'
import type { ReactNode } from 'react'
import { changeLanguage, languages, type Language } from '@/i18n'
import { useTitle } from '@/ui/page'

/** The pages before one is signed in: one column, the product's name, and the choice of the language. */
export function Frame({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  const { t, i18n } = useTranslation('account')
  useTitle(title)
  return (
    <div className="mx-auto flex min-h-dvh w-full max-w-[26rem] flex-col px-4 py-6">
      <header className="flex items-center justify-between">
        <span className="flex items-center gap-2 font-semibold">
          <img src="/icon.svg" alt="" className="size-7" />
          {t('app:name')}
        </span>
        <div className="flex gap-1" role="group" aria-label={t('account:language')}>
          {(Object.keys(languages) as Language[]).map(language => (
            <button
              key={language}
              type="button"
              lang={language === 'zh' ? 'zh-Hans' : language}
              aria-pressed={i18n.language === language}
              onClick={() => changeLanguage(language)}
              className="min-h-10 rounded-control px-2 text-sm text-muted hover:bg-hover aria-pressed:font-semibold aria-pressed:text-ink"
            >
              {languages[language]}
            </button>
          ))}
        </div>
      </header>
      <main id="main" className="my-auto py-10">
        <h1>{title}</h1>
        {lead && <p className="mt-1 text-muted">{lead}</p>}
        <div className="mt-6">{children}</div>
      </main>
    </div>
  )
}
