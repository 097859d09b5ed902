import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value))

export const planRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/plans', component: lazyRouteComponent(() => import('./PlansPage'), 'PlansPage') }),
  createRoute({
    getParentRoute: () => signedInRoute,
    path: '/plans/new',
    validateSearch: (search: Record<string, unknown>): { goal?: string } => ({ goal: text(search.goal) }),
    component: lazyRouteComponent(() => import('./NewPlanPage'), 'NewPlanPage'),
  }),
  createRoute({
    getParentRoute: () => signedInRoute,
    path: '/plans/$task',
    /** The concept whose drawer is open. */
    validateSearch: (search: Record<string, unknown>): { concept?: string } => ({ concept: text(search.concept) }),
    component: lazyRouteComponent(() => import('./PlanPage'), 'PlanPage'),
  }),
] as const
