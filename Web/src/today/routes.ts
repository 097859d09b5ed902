import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const todayRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/', component: lazyRouteComponent(() => import('./TodayPage'), 'TodayPage') }),
] as const
