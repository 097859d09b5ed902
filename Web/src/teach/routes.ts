import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const teachRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/teach', component: lazyRouteComponent(() => import('./TeachPage'), 'TeachPage') }),
] as const
