import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const planRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/plans', component: lazyRouteComponent(() => import('./PlansPage'), 'PlansPage') }),
] as const
