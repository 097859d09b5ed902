import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/ui/button'
import { copyText } from '@/ui/copy'
import { Scroller } from '@/ui/scroller'
import { useHighlighted } from './useHighlighted'

/** Code with its language and a button that copies it. Coloured when its fence is closed. */
export function CodeBlock({ code, language, closed }: { code: string; language: string; closed: boolean }) {
  const { t } = useTranslation('markdown')
  const lines = useHighlighted(code, language, closed)
  return (
    <div className="code-block">
      <div className="flex items-center justify-between gap-2 ps-4 pe-1">
        <span className="truncate text-xs text-muted">{language || t('markdown:code')}</span>
        <CopyButton text={code} />
      </div>
      <Scroller>
        <pre>
          <code>
            {lines
              ? lines.map((line, index) => (
                  <span key={index}>
                    {line.map((token, part) => (
                      <span key={part} className={token.kind ? `token-${token.kind}` : undefined}>
                        {token.text}
                      </span>
                    ))}
                    {'\n'}
                  </span>
                ))
              : code}
          </code>
        </pre>
      </Scroller>
    </div>
  )
}

function CopyButton({ text }: { text: string }) {
  const { t } = useTranslation('markdown')
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    if (!(await copyText(text))) return
    setCopied(true)
    setTimeout(() => setCopied(false), 2_000)
  }
  return (
    <>
      <IconButton label={t('markdown:copy')} onClick={() => void copy()}>
        {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
      </IconButton>
      <span role="status" className="sr-only">
        {copied ? t('markdown:copied') : ''}
      </span>
    </>
  )
}
