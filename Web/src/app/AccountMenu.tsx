import { Menu, MenuItem } from '@/ui/menu'
import { AccountButton, ActionWords, useAccount } from './account'

/** What goes with the account, as a menu that is open at first: it is loaded when it is wanted. */
export function AccountMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const account = useAccount(onShortcuts)
  if (!account) return null
  return (
    <Menu defaultOpen trigger={<AccountButton account={account} />}>
      {account.actions.map(action => (
        <MenuItem key={action.key} onClick={action.run}>
          <action.icon aria-hidden />
          <ActionWords text={action.text} here={action.here} />
        </MenuItem>
      ))}
    </Menu>
  )
}
