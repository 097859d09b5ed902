import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export const settingsRoutes = [
  createRoute({ getParentRoute: () => signedInRoute, path: '/settings', component: lazyRouteComponent(() => import('./SettingsPage'), 'SettingsPage') }),
] as const
