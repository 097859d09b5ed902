import { Check, X } from 'lucide-react'
import { useEffect, useId } from 'react'
import { useTranslation } from 'react-i18next'
import { Markdown } from '@/markdown/Markdown'
import { cx } from '@/ui/class'

interface ChoicesProps {
  options: readonly string[]
  value: number | null
  /** The right one, once it is known. */
  right: number | null
  done: boolean
  onChange: (value: number) => void
}

/** Choices as radio buttons. A digit chooses, Enter (in the form) answers. */
export function Choices({ options, value, right, done, onChange }: ChoicesProps) {
  const { t } = useTranslation('practice')
  const name = useId()
  useEffect(() => {
    if (done) return
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('[role="dialog"], [role="alertdialog"]')) return
      const index = Number(event.key) - 1
      const input = document.getElementsByName(name)[index]
      if (!input) return
      event.preventDefault()
      onChange(index)
      input.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [done, name, onChange])

  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="sr-only">{t('practice:answer.choices')}</legend>
      {options.map((option, index) => {
        const isRight = right === index
        const isWrong = right !== null && value === index && !isRight
        return (
          <label
            key={index}
            className={cx(
              'flex min-h-12 items-start gap-3 rounded-control border px-4 py-3',
              isRight ? 'border-good bg-good-tint' : isWrong ? 'border-bad bg-bad-tint' : value === index ? 'border-accent bg-tint' : 'border-line bg-raised',
              !done && 'cursor-pointer hover:border-edge',
            )}
          >
            <input
              type="radio"
              name={name}
              checked={value === index}
              disabled={done && value !== index}
              onChange={() => !done && onChange(index)}
              // Enter in a radio button does not send the form in every browser.
              onKeyDown={event => {
                if (event.key !== 'Enter') return
                event.preventDefault()
                event.currentTarget.form?.requestSubmit()
              }}
              className="mt-1 size-4.5 shrink-0 accent-accent"
            />
            <kbd aria-hidden className="mt-0.5 hidden min-w-5 text-sm text-muted sm:inline">
              {index + 1}
            </kbd>
            <span className="min-w-0 flex-1">
              <Markdown text={option} />
            </span>
            {isRight && <Check role="img" aria-label={t('practice:result.right')} className="mt-1 size-4.5 shrink-0 text-good" />}
            {isWrong && <X role="img" aria-label={t('practice:result.yours')} className="mt-1 size-4.5 shrink-0 text-bad" />}
          </label>
        )
      })}
    </fieldset>
  )
}
