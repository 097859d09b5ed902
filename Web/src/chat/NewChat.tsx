import { useTranslation } from 'react-i18next'

/** A conversation without messages: what this is for, and three ways to begin. */
export function NewChat({ onPick }: { onPick: (question: string) => void }) {
  const { t } = useTranslation('chat')
  const examples = [t('chat:new.example1'), t('chat:new.example2'), t('chat:new.example3')]
  return (
    <div className="flex flex-col gap-4 pt-[12vh]">
      <p className="text-xl font-semibold">{t('chat:new.title')}</p>
      <p className="text-muted">{t('chat:new.text')}</p>
      <ul className="flex flex-col items-start gap-1">
        {examples.map(example => (
          <li key={example}>
            <button type="button" onClick={() => onPick(example)} className="min-h-10 rounded-control px-3 py-2 -ms-3 text-start text-accent hover:bg-hover">
              {example}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}
