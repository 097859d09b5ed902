import { createRouter } from '@tanstack/react-router'
import { accountRoutes } from '@/account/routes'
import { chatRoutes } from '@/chat/routes'
import { liveRoutes } from '@/live/routes'
import { operateRoutes } from '@/operate/routes'
import { planRoutes } from '@/plan/routes'
import { practiceRoutes } from '@/practice/routes'
import { settingsRoutes } from '@/settings/routes'
import { teachRoutes } from '@/teach/routes'
import { todayRoutes } from '@/today/routes'
import { Loading } from '@/ui/loading'
import { rootRoute, signedInRoute } from './root'

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    ...accountRoutes,
    signedInRoute.addChildren([
      ...todayRoutes,
      ...chatRoutes,
      ...liveRoutes,
      ...planRoutes,
      ...practiceRoutes,
      ...teachRoutes,
      ...operateRoutes,
      ...settingsRoutes,
    ]),
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: Loading,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
