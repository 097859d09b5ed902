import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

const getParentRoute = () => signedInRoute

export const liveRoutes = [
  createRoute({ getParentRoute, path: '/live', component: lazyRouteComponent(() => import('./LivePage'), 'LivePage') }),
  createRoute({ getParentRoute, path: '/live/past/$id', component: lazyRouteComponent(() => import('./PastPage'), 'PastPage') }),
  createRoute({
    getParentRoute,
    path: '/live/$tutor',
    // Goes on with an earlier session.
    validateSearch: (search: Record<string, unknown>): { from?: string } => (typeof search.from === 'string' ? { from: search.from } : {}),
    component: lazyRouteComponent(() => import('./RoomPage'), 'RoomPage'),
  }),
] as const
