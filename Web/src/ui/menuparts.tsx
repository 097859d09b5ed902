import { Menu as Base } from '@base-ui/react/menu'
import { cx } from './class'
import type { MenuItemProps, MenuProps } from './menu'

/** Menus stand in the page's main landmark: what is outside of all landmarks is hard to find with a screen reader. */
const main = {
  get current() {
    return document.getElementById('main')
  },
}

export function MenuPart({ trigger, defaultOpen, children }: MenuProps) {
  return (
    <Base.Root defaultOpen={defaultOpen}>
      <Base.Trigger render={trigger} />
      <Base.Portal container={main}>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className="min-w-44 rounded-card border border-line bg-raised p-1 shadow-overlay outline-none">{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

export function ItemPart({ onClick, danger, children, disabled }: MenuItemProps) {
  return (
    <Base.Item
      onClick={onClick}
      disabled={disabled}
      className={cx(
        'flex min-h-9 cursor-default items-center gap-2.5 rounded-control px-3 text-sm outline-none select-none data-disabled:opacity-50 data-highlighted:bg-hover [&_svg]:size-4',
        danger && 'text-bad',
      )}
    >
      {children}
    </Base.Item>
  )
}
