import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { meQuery } from '@/api/queries'
import { queries } from '@/app/query'
import { signedInRoute } from '@/app/root'

const parent = () => signedInRoute

/** A student who follows a link to here goes home; the API would refuse everything. */
async function forTeachers(): Promise<void> {
  if ((await queries.ensureQueryData(meQuery))?.role === 'student') throw redirect({ to: '/' })
}

async function forOwners(): Promise<void> {
  if ((await queries.ensureQueryData(meQuery))?.role !== 'owner') throw redirect({ to: '/teach' })
}

export const teachRoutes = [
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach', component: lazyRouteComponent(() => import('./tutors/TutorsPage'), 'TutorsPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/tutors/new', component: lazyRouteComponent(() => import('./tutors/NewTutorPage'), 'NewTutorPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/tutors/$tutorId', component: lazyRouteComponent(() => import('./tutors/TutorPage'), 'TutorPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/material', component: lazyRouteComponent(() => import('./material/MaterialPage'), 'MaterialPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/material/$kbId', component: lazyRouteComponent(() => import('./material/BasePage'), 'BasePage') }),
  createRoute({
    getParentRoute: parent,
    beforeLoad: forTeachers,
    path: '/teach/material/$kbId/$documentId',
    validateSearch: (search: Record<string, unknown>): { at?: number } => {
      const at = Number(search.at)
      return Number.isInteger(at) && at >= 0 && search.at !== undefined ? { at } : {}
    },
    component: lazyRouteComponent(() => import('./material/DocumentPage'), 'DocumentPage'),
  }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes', component: lazyRouteComponent(() => import('./classes/ClassesPage'), 'ClassesPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes/$classId', component: lazyRouteComponent(() => import('./classes/StudentsPage'), 'StudentsPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes/$classId/invite', component: lazyRouteComponent(() => import('./classes/InvitePage'), 'InvitePage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes/$classId/shares', component: lazyRouteComponent(() => import('./classes/SharesPage'), 'SharesPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes/$classId/overview', component: lazyRouteComponent(() => import('./classes/OverviewPage'), 'OverviewPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes/$classId/questions', component: lazyRouteComponent(() => import('./classes/QuestionsPage'), 'QuestionsPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/classes/$classId/rules', component: lazyRouteComponent(() => import('./classes/RulesPage'), 'RulesPage') }),
  createRoute({
    getParentRoute: parent,
    beforeLoad: forTeachers,
    path: '/teach/classes/$classId/students/$studentId',
    component: lazyRouteComponent(() => import('./classes/StudentPage'), 'StudentPage'),
  }),
  createRoute({ getParentRoute: parent, beforeLoad: forTeachers, path: '/teach/safety', component: lazyRouteComponent(() => import('./safety/SafetyPage'), 'SafetyPage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forOwners, path: '/teach/people', component: lazyRouteComponent(() => import('./school/PeoplePage'), 'PeoplePage') }),
  createRoute({ getParentRoute: parent, beforeLoad: forOwners, path: '/teach/school', component: lazyRouteComponent(() => import('./school/SchoolPage'), 'SchoolPage') }),
] as const
