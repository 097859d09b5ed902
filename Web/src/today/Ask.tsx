import { useRouter } from '@tanstack/react-router'
import { ArrowUp } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'

const draft = 'lyceum.draft.today'

/** The one composer: what is asked here begins a conversation. */
export function Ask({ labelledBy }: { labelledBy: string }) {
  const { t } = useTranslation('today')
  const router = useRouter()
  const [text, setText] = useState(() => localStorage.getItem(draft) ?? '')
  const change = (next: string) => {
    setText(next)
    if (next) localStorage.setItem(draft, next)
    else localStorage.removeItem(draft)
  }
  const ask = () => {
    const question = text.trim()
    if (!question) return
    localStorage.removeItem(draft)
    router.history.push(`/c?ask=${encodeURIComponent(question)}&send=1`)
  }
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        ask()
      }}
      className="flex items-end gap-2 rounded-card border border-edge bg-raised p-2 ps-4 focus-within:border-accent focus-within:outline-1 focus-within:outline-accent"
    >
      <textarea
        rows={1}
        aria-labelledby={labelledBy}
        placeholder={t('today:ask.placeholder')}
        value={text}
        onChange={event => change(event.target.value)}
        onKeyDown={event => {
          // An input method that composes uses Enter for itself.
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || event.keyCode === 229) return
          event.preventDefault()
          ask()
        }}
        className="field-sizing-content max-h-60 min-h-10 flex-1 resize-none bg-transparent py-2 text-base outline-none placeholder:text-faint"
      />
      <IconButton type="submit" label={t('today:ask.action')} disabled={!text.trim()} className="bg-accent text-on-accent hover:bg-accent-strong hover:text-on-accent">
        <ArrowUp aria-hidden />
      </IconButton>
    </form>
  )
}
