import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { buttonStyle } from '@/ui/button'
import { CheckField } from '@/ui/field'
import { Loaded } from '@/ui/loaded'
import { ProblemNotice } from '@/ui/problem'
import { classesQuery, share, sharesQuery, unshare } from '../classes/queries'

/** Which classes may use a tutor: a check for each. */
export function TutorClasses({ tutorId }: { tutorId: number }) {
  const { t } = useTranslation('teach')
  const classes = useQuery({ ...classesQuery, select: list => list.filter(one => one.manages && !one.archived_at) })
  const shares = useQueries({ queries: (classes.data ?? []).map(one => sharesQuery(one.id)) })
  const cache = useQueryClient()
  const toggle = useMutation({
    mutationFn: ({ classId, on }: { classId: string; on: boolean }) => (on ? share(classId, 'tutor', String(tutorId)) : unshare(classId, 'tutor', String(tutorId))),
    onSettled: (_result, _error, { classId }) => cache.invalidateQueries({ queryKey: sharesQuery(classId).queryKey }),
  })
  return (
    <Loaded query={classes}>
      {list =>
        list.length === 0 ? (
          <div className="flex flex-col items-start gap-3">
            <p className="text-muted">{t('teach:classes.none')}</p>
            <Link to="/teach/classes" className={buttonStyle()}>
              {t('teach:classes.make')}
            </Link>
          </div>
        ) : (
          <>
            <p className="mb-3 text-sm text-muted">{t('teach:classes.text')}</p>
            <div className="flex flex-col gap-3">
              {list.map((one, index) => {
                const found = shares[index]?.data?.shares
                const pending = toggle.isPending && toggle.variables.classId === one.id
                return (
                  <CheckField
                    key={one.id}
                    label={one.name}
                    disabled={!found || pending}
                    checked={pending ? toggle.variables.on : (found?.some(({ kind, id }) => kind === 'tutor' && id === String(tutorId)) ?? false)}
                    onChange={event => toggle.mutate({ classId: one.id, on: event.target.checked })}
                  />
                )
              })}
            </div>
            <div className="mt-3 empty:hidden">
              <ProblemNotice error={toggle.error} />
            </div>
          </>
        )
      }
    </Loaded>
  )
}
