import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { meQuery } from '@/api/queries'
import { queries } from '@/app/query'
import { rootRoute } from '@/app/root'
import { ownPath } from './next'

const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined)
const nextOf = (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) })

/** Who is signed in already goes on; also after an external provider, which comes back to this page. */
async function goOn({ search }: { search: { next?: string; error?: string } }) {
  const me = await queries.ensureQueryData(meQuery).catch(() => null)
  if (me && !search.error) throw redirect({ href: ownPath(search.next), replace: true })
}

export const accountRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/sign-in',
    validateSearch: (search: Record<string, unknown>): { next?: string; error?: string } => ({ ...nextOf(search), error: text(search.error) }),
    beforeLoad: goOn,
    component: lazyRouteComponent(() => import('./SignInPage'), 'SignInPage'),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/register',
    validateSearch: nextOf,
    beforeLoad: goOn,
    component: lazyRouteComponent(() => import('./RegisterPage'), 'RegisterPage'),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/sign-in/first',
    validateSearch: nextOf,
    component: lazyRouteComponent(() => import('./FirstPassword'), 'FirstPasswordPage'),
  }),
  createRoute({ getParentRoute: () => rootRoute, path: '/join', component: lazyRouteComponent(() => import('./JoinPage'), 'EnterCodePage') }),
  createRoute({ getParentRoute: () => rootRoute, path: '/join/$code', component: lazyRouteComponent(() => import('./JoinPage'), 'JoinPage') }),
  createRoute({ getParentRoute: () => rootRoute, path: '/sign-in/erased/$id', component: lazyRouteComponent(() => import('./ErasedPage'), 'ErasedPage') }),
] as const
