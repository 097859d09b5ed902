import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const operateRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/operate', component: lazyRouteComponent(() => import('./OperatePage'), 'OperatePage') }),
] as const
