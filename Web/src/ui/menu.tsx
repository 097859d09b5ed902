import { lazy, Suspense, type ReactElement, type ReactNode } from 'react'

export interface MenuProps {
  /** An IconButton or Button without `onClick`. */
  trigger: ReactElement
  defaultOpen?: boolean
  children: ReactNode
}

export interface MenuItemProps {
  onClick?: () => void
  danger?: boolean
  disabled?: boolean
  children: ReactNode
}

// What places and steers a list weighs 27 kB: it comes right after the page.
const MenuPart = lazy(() => import('./menuparts').then(({ MenuPart }) => ({ default: MenuPart })))
const ItemPart = lazy(() => import('./menuparts').then(({ ItemPart }) => ({ default: ItemPart })))

/** A button that opens a list of actions. */
export const Menu = (props: MenuProps) => (
  <Suspense fallback={props.trigger}>
    <MenuPart {...props} />
  </Suspense>
)

export const MenuItem = (props: MenuItemProps) => <ItemPart {...props} />
