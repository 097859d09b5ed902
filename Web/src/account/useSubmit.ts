import { useState, type FormEvent } from 'react'

/** A form's way to the server: once at a time, and what went wrong stays until the next attempt. `send` answers false where nothing was sent. */
export function useSubmit(send: () => Promise<false | void>) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (busy) return
    const form = event.currentTarget
    // The faulty field gets the focus, so that what is wrong is read and can be mended at once.
    const toFault = () => setTimeout(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), 50)
    setBusy(true)
    setError(null)
    try {
      if ((await send()) === false) {
        setBusy(false)
        toFault()
        return
      }
    } catch (reason) {
      setError(reason)
      setBusy(false)
      toFault()
      return
    }
    // The next page loads: the button stays busy until then.
    setTimeout(() => setBusy(false), 4000)
  }
  return { busy, error, submit }
}
