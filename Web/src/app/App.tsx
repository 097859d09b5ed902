import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { ToastArea } from '@/ui/toast'
import { queries } from './query'
import { router } from './router'

export function App() {
  return (
    // The page's content security policy admits no style element: Base UI must not write one.
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
        <ToastArea />
      </QueryClientProvider>
    </CSPProvider>
  )
}
