import { useTranslation } from 'react-i18next'
import { Dialog } from '@/ui/dialog'
import { useShortcuts } from './shortcuts'

/** What the keyboard can do on this page. */
export function ShortcutsDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  const shortcuts = useShortcuts()
  const shown = shortcuts.filter((one, index) => shortcuts.findLastIndex(other => other.keys === one.keys) === index)
  return (
    <Dialog open={open} onClose={onClose} title={t('app:shortcuts.title')} description={t('app:shortcuts.text')}>
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-5 gap-y-2 text-sm">
        {shown.map(({ keys, name }) => (
          <div key={keys} className="contents">
            <dt className="flex gap-1">
              {keys.split(' ').map((key, index) => (
                <kbd key={index} className="min-w-7 rounded-control border border-edge bg-sunk px-1.5 py-0.5 text-center font-mono text-xs">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{name}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
