import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

/** A file per feature and language: `en/chat.json` is the namespace `chat`. */
const files = import.meta.glob<{ default: Record<string, unknown> }>('./*/*.json')

export const languages = { en: 'English', zh: '简体中文' } as const
export type Language = keyof typeof languages

/** The language that the person chose on this device, else the browser's. */
export function chosenLanguage(): Language {
  const stored = localStorage.getItem('lyceum.language')
  if (stored === 'en' || stored === 'zh') return stored
  return navigator.languages.some(tag => tag.toLowerCase().startsWith('zh')) ? 'zh' : 'en'
}

export async function startTranslation(): Promise<void> {
  await i18next
    .use({
      type: 'backend',
      read: (language: string, namespace: string, done: (error: unknown, words: unknown) => void) => {
        const load = files[`./${language}/${namespace}.json`]
        if (load) load().then(module => done(null, module.default), error => done(error, null))
        else done(new Error(`no words: ${language}/${namespace}`), null)
      },
    })
    .use(initReactI18next)
    .init({
      lng: chosenLanguage(),
      fallbackLng: 'en',
      supportedLngs: Object.keys(languages),
      ns: ['app', 'problems'],
      defaultNS: 'app',
      interpolation: { escapeValue: false },
      react: { useSuspense: true },
    })
  i18next.on('languageChanged', tellDocument)
  tellDocument(i18next.language)
}

export function changeLanguage(language: Language): void {
  localStorage.setItem('lyceum.language', language)
  void i18next.changeLanguage(language)
}

function tellDocument(language: string): void {
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language
}
