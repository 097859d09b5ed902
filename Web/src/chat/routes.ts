import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const chatRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/c', component: lazyRouteComponent(() => import('./ChatPage'), 'ChatPage') }),
] as const
