import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { copyText } from './copy'
import { say } from './toast'

/** Copies a text, and says so. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const { t } = useTranslation()
  const [done, setDone] = useState(false)
  return (
    <Button
      onClick={() =>
        void copyText(text).then(copied => {
          setDone(copied)
          say(copied ? t('app:copied') : t('app:notCopied'))
        })
      }
    >
      {done ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
      {label}
    </Button>
  )
}
