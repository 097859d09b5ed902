import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const liveRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/live', component: lazyRouteComponent(() => import('./LivePage'), 'LivePage') }),
] as const
