import { Toast } from '@base-ui/react/toast'
import { X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from './button'

export const toasts = Toast.createToastManager()

export function Toasts() {
  return (
    <Toast.Provider toastManager={toasts} timeout={6000}>
      <Toast.Portal>
        <Toast.Viewport className="fixed inset-x-3 bottom-20 z-50 mx-auto flex max-w-96 flex-col gap-2 md:bottom-6">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function ToastList() {
  const { t } = useTranslation()
  return Toast.useToastManager().toasts.map(toast => (
    <Toast.Root key={toast.id} toast={toast} data-toast className="rounded-card border border-line bg-raised shadow-overlay data-ending-style:opacity-0">
      <Toast.Content className="flex items-center gap-3 py-1.5 ps-4 pe-1.5 text-sm">
        <Toast.Title render={<p />} className="flex-1" />
        <Toast.Close render={<IconButton label={t('app:close')} />}>
          <X aria-hidden />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ))
}
