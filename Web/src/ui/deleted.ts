import { useRef } from 'react'

/**
 * Where the focus goes when something was deleted: to the list that it was in, because its own button is gone. The list has `ref={list}`
 * and `tabIndex={-1}`, the `Confirm` gets `finalFocus`, and `deleted()` is called on success. Cancelled, the button gets the focus back.
 */
export function useDeleted<T extends HTMLElement>() {
  const list = useRef<T>(null)
  const gone = useRef(false)
  return {
    list,
    deleted: () => {
      gone.current = true
    },
    finalFocus: (): HTMLElement | true => {
      if (!gone.current || !list.current) return true
      gone.current = false
      const box = list.current
      // Of what is not tabbable the dialog would focus the first button inside: perhaps the one that is about to go.
      box.tabIndex = 0
      setTimeout(() => {
        box.tabIndex = -1
      })
      return box
    },
  }
}
