import { QueryClient } from '@tanstack/react-query'
import { Problem } from '@/api/problem'

/** What was read from the API. A request that may succeed later is tried again twice, others are not. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && error instanceof Problem && error.passing && error.code !== 'budget_exhausted',
      retryDelay: (failures, error) =>
        error instanceof Problem && error.retryAfter ? Math.min(error.retryAfter, 30) * 1000 : 500 * 2 ** failures,
    },
  },
})
