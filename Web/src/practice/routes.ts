import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const practiceRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/practice', component: lazyRouteComponent(() => import('./PracticePage'), 'PracticePage') }),
] as const
