import { Pencil } from 'lucide-react'
import { memo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button, IconButton } from '@/ui/button'
import { TextArea } from '@/ui/field'
import { BranchSwitch } from './BranchSwitch'
import { CopyButton } from './CopyButton'
import type { Message, QuestionImage } from './model'

interface QuestionProps {
  message: Message
  /** Nothing can be asked while an answer is written. */
  locked: boolean
  onEdit: (message: Message, text: string) => void
  onShow: (message: string) => void
}

export const QuestionView = memo(function QuestionView({ message, locked, onEdit, onShow }: QuestionProps) {
  const { t } = useTranslation('chat')
  const [editing, setEditing] = useState(false)
  return (
    <article id={`m-${message.id}`} tabIndex={-1} aria-labelledby={`h-${message.id}`} className="group flex flex-col items-end pb-2 outline-none">
      <h2 id={`h-${message.id}`} className="sr-only">
        {t('chat:question.heading')}
      </h2>
      {editing ? (
        <QuestionEditor
          text={message.content}
          locked={locked}
          onCancel={() => setEditing(false)}
          onSave={text => {
            setEditing(false)
            onEdit(message, text)
          }}
        />
      ) : (
        <>
          <QuestionImages images={message.images ?? []} />
          <QuestionText text={message.content} />
          <div className="mt-0.5 flex items-center text-muted">
            <BranchSwitch message={message} onShow={onShow} disabled={locked} />
            <CopyButton text={message.content} quiet />
            {!locked && (
              <IconButton label={t('chat:question.edit')} onClick={() => setEditing(true)} className={quietIcon}>
                <Pencil aria-hidden />
              </IconButton>
            )}
          </div>
        </>
      )}
    </article>
  )
})

/** Shown where the pointer or the focus is; always where there is no pointer that hovers. */
export const quietIcon = 'size-8 pointer-fine:opacity-0 group-hover:opacity-100 group-focus-within:opacity-100 focus-visible:opacity-100'

export const QuestionText = ({ text }: { text: string }) => (
  <p className="max-w-[min(36rem,88%)] rounded-card bg-hover px-4 py-2.5 whitespace-pre-wrap wrap-anywhere">{text}</p>
)

/** The images of a question; each opens whole. Their size is told, so that nothing moves when they come. */
function QuestionImages({ images }: { images: readonly QuestionImage[] }) {
  const { t } = useTranslation('chat')
  if (images.length === 0) return null
  return (
    <ul className="mb-1.5 flex flex-wrap justify-end gap-1.5">
      {images.map(({ id, width, height }, index) => (
        <li key={id}>
          <a href={`/api/images/${id}`} target="_blank" rel="noopener" className="block rounded-control">
            <img
              src={`/api/images/${id}`}
              alt={t('chat:image.asked', { number: index + 1 })}
              width={width}
              height={height}
              loading="lazy"
              className="h-32 w-auto max-w-60 rounded-control border border-line object-cover"
            />
          </a>
        </li>
      ))}
    </ul>
  )
}

function QuestionEditor({ text, locked, onSave, onCancel }: { text: string; locked: boolean; onSave: (text: string) => void; onCancel: () => void }) {
  const { t } = useTranslation('chat')
  const [next, setNext] = useState(text)
  return (
    <form
      className="flex w-full flex-col gap-2"
      onSubmit={event => {
        event.preventDefault()
        if (next.trim()) onSave(next.trim())
      }}
    >
      <TextArea
        // eslint-disable-next-line jsx-a11y/no-autofocus -- the person has just pressed "edit": the field takes the button's place
        autoFocus
        bare
        label={t('chat:question.edit')}
        value={next}
        onChange={event => setNext(event.target.value)}
        onKeyDown={event => event.key === 'Escape' && !event.nativeEvent.isComposing && onCancel()}
        hint={t('chat:question.editHint')}
      />
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>{t('app:cancel')}</Button>
        <Button type="submit" kind="primary" disabled={locked || !next.trim()}>
          {t('chat:question.ask')}
        </Button>
      </div>
    </form>
  )
}
