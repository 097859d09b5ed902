import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { signedInRoute } from '@/app/root'

export interface NewChatSearch {
  /** The tutor to begin with. */
  tutor?: number
  /** What the composer has; with `send` it is asked at once. */
  ask?: string
  send?: boolean
  /** The concept of a plan that it is about. */
  concept?: string
}

const text = (value: unknown): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined)

export const newChatRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/c',
  validateSearch: (search: Record<string, unknown>): NewChatSearch => ({
    tutor: Number(search.tutor) || undefined,
    ask: text(search.ask),
    concept: text(search.concept),
    send: search.send === 1 || search.send === '1' || search.send === true || undefined,
  }),
  component: lazyRouteComponent(() => import('./ChatPage'), 'NewChatPage'),
})

/** The list as a view of its own, for phones. */
export const chatListRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/c/list',
  component: lazyRouteComponent(() => import('./ChatPage'), 'ChatListPage'),
})

export const chatRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/c/$id',
  component: lazyRouteComponent(() => import('./ChatPage'), 'ChatPage'),
})

export const chatRoutes = [newChatRoute, chatListRoute, chatRoute] as const
