import { ArrowUp, Square } from 'lucide-react'
import { useEffect, useId, useLayoutEffect, useRef, useState, type DragEvent, type KeyboardEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { cx } from '@/ui/class'
import { keepDraft, readDraft } from './drafts'

interface ComposerProps {
  person: string
  conversation: string | null
  /** What it has at first, instead of the draft. */
  initial?: string
  /** Tutor, level and so on. */
  options: ReactNode
  /** Above the text: images, and why one was not taken. */
  above?: ReactNode
  attach?: ReactNode
  running: boolean
  /** A question is on its way. */
  busy: boolean
  canSend: boolean
  onSend: (text: string) => void
  onStop: () => void
  onFiles: (files: File[]) => void
  /** Has the focus from the beginning, where that opens no keyboard on the screen. */
  focused?: boolean
}

const buttonStyle = 'inline-flex size-10 shrink-0 items-center justify-center rounded-full bg-accent text-on-accent hover:bg-accent-strong disabled:opacity-45'

export function Composer({ person, conversation, initial, options, above, attach, running, busy, canSend, onSend, onStop, onFiles, focused }: ComposerProps) {
  const { t } = useTranslation('chat')
  const id = useId()
  const [text, setText] = useState(() => initial ?? (busy ? '' : readDraft(person, conversation)))
  const [over, setOver] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)

  // A question that was refused or taken back is here again.
  const wasBusy = useRef(busy)
  useEffect(() => {
    if (wasBusy.current && !busy) setText(now => now || readDraft(person, conversation))
    wasBusy.current = busy
  }, [busy, person, conversation])

  useLayoutEffect(() => {
    const area = field.current
    if (!area || CSS.supports('field-sizing', 'content')) return
    area.style.height = 'auto'
    area.style.height = `${area.scrollHeight}px`
  }, [text])

  useEffect(() => {
    if (focused && matchMedia('(pointer: fine)').matches) field.current?.focus()
  }, [focused])

  const change = (next: string) => {
    setText(next)
    keepDraft(person, conversation, next)
  }
  const send = () => {
    const question = text.trim()
    if (!question || busy || running || !canSend) return
    keepDraft(person, conversation, question)
    setText('')
    onSend(question)
  }
  const pressed = (event: KeyboardEvent) => {
    // Enter that ends the composition of an input method is not Enter (229: Safari says so after it).
    if (event.nativeEvent.isComposing || event.keyCode === 229) return
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape' && running) {
      event.preventDefault()
      onStop()
    }
  }
  const dropped = (event: DragEvent) => {
    setOver(false)
    if (event.dataTransfer.files.length === 0) return
    event.preventDefault()
    onFiles([...event.dataTransfer.files])
  }

  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- what is dropped can also be attached by a button or pasted
    <div
      role="group"
      aria-label={t('chat:compose.label')}
      onDragOver={event => {
        if (!event.dataTransfer.types.includes('Files')) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
      // A press beside the text leaves the focus there: on a phone the keyboard would go, and the button from under the finger.
      onMouseDown={event => !(event.target as HTMLElement).closest('textarea, select, input') && event.preventDefault()}
      className={cx('composer rounded-card border bg-raised px-3 pb-2 pt-1', over ? 'border-accent' : 'border-edge', 'focus-within:border-accent')}
    >
      {above}
      <label htmlFor={id} className="sr-only">
        {t('chat:compose.question')}
      </label>
      <textarea
        id={id}
        ref={field}
        data-composer
        rows={1}
        value={text}
        onChange={event => change(event.target.value)}
        onKeyDown={pressed}
        onPaste={event => {
          if (event.clipboardData.files.length === 0) return
          event.preventDefault()
          onFiles([...event.clipboardData.files])
        }}
        placeholder={t('chat:compose.placeholder')}
        className="field-sizing-content block max-h-[40dvh] min-h-10 w-full resize-none bg-transparent px-1 py-2 leading-normal outline-none placeholder:text-faint"
      />
      <div className="flex items-end gap-2">
        {attach}
        <div className="min-w-0 flex-1">{options}</div>
        {running ? (
          <button type="button" aria-label={t('chat:compose.stop')} title={t('chat:compose.stop')} onClick={onStop} className={buttonStyle}>
            <Square aria-hidden className="size-4 fill-current" />
          </button>
        ) : (
          <button
            type="button"
            aria-label={t('chat:compose.send')}
            title={t('chat:compose.send')}
            onClick={send}
            disabled={!text.trim() || busy || !canSend}
            className={buttonStyle}
          >
            <ArrowUp aria-hidden className="size-5" />
          </button>
        )}
      </div>
    </div>
  )
}
