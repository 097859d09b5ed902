import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import { copyText } from '@/ui/copy'
import { say } from '@/ui/toast'
import { quietIcon } from './QuestionView'

export function CopyButton({ text, quiet = false }: { text: string; quiet?: boolean }) {
  const { t } = useTranslation('chat')
  const [done, setDone] = useState(false)
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(false), 2000)
    return () => clearTimeout(timer)
  }, [done])
  return (
    <IconButton
      label={done ? t('chat:copy.done') : t('chat:copy.label')}
      className={quiet ? quietIcon : 'size-8'}
      onClick={async () => {
        const copied = await copyText(text)
        setDone(copied)
        say(copied ? t('chat:copy.done') : t('chat:copy.failed'))
      }}
    >
      {done ? <Check aria-hidden /> : <Copy aria-hidden />}
    </IconButton>
  )
}
