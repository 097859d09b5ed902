import { createRootRoute, createRoute, Outlet, redirect } from '@tanstack/react-router'
import { Suspense } from 'react'
import { meQuery } from '@/api/queries'
import { Loading } from '@/ui/loading'
import { ErrorPage, NotFoundPage } from './errors'
import { NavigationFocus } from './focus'
import { queries } from './query'
import { Shell } from './Shell'

export const rootRoute = createRootRoute({
  component: () => (
    <>
      <Suspense fallback={<Loading />}>
        <Outlet />
      </Suspense>
      <NavigationFocus />
    </>
  ),
  notFoundComponent: NotFoundPage,
  errorComponent: ErrorPage,
})

/** All pages of a person who is signed in; others are sent to sign in and come back. */
export const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'signed-in',
  beforeLoad: async ({ location }) => {
    if ((await queries.ensureQueryData(meQuery)) === null) throw redirect({ to: '/sign-in', search: { next: location.href } })
  },
  component: Shell,
  errorComponent: ErrorPage,
})
