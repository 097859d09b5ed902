import { useTranslation } from 'react-i18next'
import type { Help } from './model'

/** What the school says where somebody may not be well: before the answer, calm, with whom to reach. */
export function HelpCard({ help }: { help: Help }) {
  const { t } = useTranslation('chat')
  if (!help.text && !help.contact) return null
  return (
    <aside aria-label={t('chat:help.label')} className="mb-4 rounded-card border border-accent bg-tint px-5 py-4">
      {help.text && <p className="whitespace-pre-wrap">{help.text}</p>}
      {help.contact && <p className="mt-2 font-semibold">{/^\+?[\d\s()/-]{5,}$/.test(help.contact) ? <a href={`tel:${help.contact.replace(/[^\d+]/g, '')}`}>{help.contact}</a> : help.contact}</p>}
    </aside>
  )
}
