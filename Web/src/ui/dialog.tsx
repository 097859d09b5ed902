import { AlertDialog } from '@base-ui/react/alert-dialog'
import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Button, IconButton } from './button'
import { cx } from './class'

const backdrop = 'fixed inset-0 z-40 bg-[rgb(0_0_0/0.45)]'
const popup =
  'fixed z-50 flex max-h-[85dvh] flex-col overflow-y-auto rounded-card border border-line bg-raised p-5 shadow-overlay outline-none ' +
  'inset-x-3 bottom-3 sm:inset-x-auto sm:bottom-auto sm:left-1/2 sm:top-1/2 sm:w-[min(34rem,calc(100vw-2rem))] sm:-translate-x-1/2 sm:-translate-y-1/2'

interface DialogProps {
  open: boolean
  onClose: () => void
  title: ReactNode
  description?: ReactNode
  children?: ReactNode
  /** A panel at the right side instead of a window in the middle. */
  side?: boolean
}

/** A window over the page: takes the focus, gives it back, closes by Escape. */
export function Dialog({ open, onClose, title, description, children, side = false }: DialogProps) {
  const { t } = useTranslation()
  return (
    <Base.Root open={open} onOpenChange={next => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={backdrop} />
        <Base.Popup
          className={
            side
              ? 'fixed inset-y-0 end-0 z-50 flex w-[min(32rem,100vw)] flex-col overflow-y-auto border-s border-line bg-raised p-5 shadow-overlay outline-none'
              : popup
          }
        >
          <div className="mb-3 flex items-start justify-between gap-4">
            <Base.Title className="text-lg font-semibold">{title}</Base.Title>
            <Base.Close render={<IconButton label={t('app:close')} className="-me-2 -mt-2" />}>
              <X aria-hidden />
            </Base.Close>
          </div>
          {description && <Base.Description className="mb-3 text-sm text-muted">{description}</Base.Description>}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

interface ConfirmProps {
  open: boolean
  onClose: () => void
  onConfirm: () => void
  title: ReactNode
  /** What will happen, and whether it can be undone. */
  text: ReactNode
  /** The verb: "Delete", never "OK". */
  action: ReactNode
  danger?: boolean
  busy?: boolean
  /** Where the focus goes afterwards; true: to what opened it. */
  finalFocus?: () => HTMLElement | true
  children?: ReactNode
}

/** Asks before something that cannot be undone. */
export function Confirm({ open, onClose, onConfirm, title, text, action, danger = false, busy = false, finalFocus, children }: ConfirmProps) {
  const { t } = useTranslation()
  return (
    <AlertDialog.Root open={open} onOpenChange={next => !next && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={backdrop} />
        <AlertDialog.Popup finalFocus={finalFocus} className={cx(popup, 'sm:w-[min(28rem,calc(100vw-2rem))]')}>
          <AlertDialog.Title className="text-lg font-semibold">{title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-sm text-muted">{text}</AlertDialog.Description>
          {children}
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            <AlertDialog.Close render={<Button />}>{t('app:cancel')}</AlertDialog.Close>
            <Button kind={danger ? 'danger' : 'primary'} busy={busy} onClick={onConfirm}>
              {action}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
