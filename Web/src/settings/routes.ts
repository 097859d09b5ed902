import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

const getParentRoute = () => signedInRoute

export const settingsRoutes = [
  createRoute({ getParentRoute, path: '/settings', component: lazyRouteComponent(() => import('./SettingsPage'), 'SettingsPage') }),
  createRoute({ getParentRoute, path: '/settings/security', component: lazyRouteComponent(() => import('./SecurityPage'), 'SecurityPage') }),
  createRoute({ getParentRoute, path: '/settings/schools', component: lazyRouteComponent(() => import('./SchoolsPage'), 'SchoolsPage') }),
  createRoute({ getParentRoute, path: '/settings/data', component: lazyRouteComponent(() => import('./DataPage'), 'DataPage') }),
] as const
