import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

/** `?make=1` opens the form of a new set; with a plan and a concept, or a conversation, it is filled. */
interface PracticeSearch {
  make?: 1
  plan?: string
  concept?: string
  conversation?: string
}

const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value))

export const practiceRoutes = [
  createRoute({
    getParentRoute: () => signedInRoute,
    path: '/practice',
    validateSearch: (search: Record<string, unknown>): PracticeSearch => ({
      make: search.make ? 1 : undefined,
      plan: text(search.plan),
      concept: text(search.concept),
      conversation: text(search.conversation),
    }),
    component: lazyRouteComponent(() => import('./PracticePage'), 'PracticePage'),
  }),
  createRoute({
    getParentRoute: () => signedInRoute,
    path: '/practice/$set',
    /** `?making=1`: it was just asked for, and may not be there yet. */
    validateSearch: (search: Record<string, unknown>): { making?: 1 } => ({ making: search.making ? 1 : undefined }),
    component: lazyRouteComponent(() => import('./RoundPage'), 'RoundPage'),
  }),
] as const
