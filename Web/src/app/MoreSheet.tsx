import { useTranslation } from 'react-i18next'
import { Dialog } from '@/ui/dialog'
import { AccountNames, ActionWords, useAccount } from './account'
import { SideLink } from './PlaceLink'
import type { Place } from './places'

/** On a phone: the places that the bar has no room for, and what goes with the account. */
export function MoreSheet({ open, onClose, places }: { open: boolean; onClose: () => void; places: Place[] }) {
  const { t } = useTranslation()
  return (
    <Dialog open={open} onClose={onClose} title={t('app:place.more')}>
      <ul className="-mx-3 flex flex-col gap-0.5">
        {places.map(place => (
          <SideLink key={place.to} {...place} onClick={onClose} />
        ))}
      </ul>
      <div className="-mx-3 mt-2 border-t border-line pt-2">
        <AccountList onDone={onClose} />
      </div>
    </Dialog>
  )
}

/** In the sheet of a phone: all of them, in a list. */
function AccountList({ onDone }: { onDone: () => void }) {
  const account = useAccount()
  if (!account) return null
  return (
    <>
      <p className="flex px-3 py-2 text-sm">
        <AccountNames name={account.name} school={account.school} />
      </p>
      <ul>
        {account.actions.map(action => (
          <li key={action.key}>
            <button
              type="button"
              onClick={() => {
                onDone()
                action.run()
              }}
              className="flex min-h-10 w-full items-center gap-3 rounded-control px-3 text-start text-sm text-muted hover:bg-hover hover:text-ink"
            >
              <action.icon aria-hidden className="size-4.5 shrink-0" />
              <ActionWords text={action.text} here={action.here} />
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}
