import { lazy, Suspense } from 'react'

const load = () => import('./toasts')
const Toasts = lazy(() => load().then(({ Toasts }) => ({ default: Toasts })))

/** Says a sentence at the edge of the page for some seconds, to screen readers too. */
export const say = (text: string): void => void load().then(({ toasts }) => toasts.add({ title: text }))

/** Where the sentences stand; once a page, beside its content. It comes right after the page. */
export const ToastArea = () => (
  <Suspense fallback={null}>
    <Toasts />
  </Suspense>
)
