import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { CheckCircle2, Loader } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { buttonStyle } from '@/ui/button'
import { Loading } from '@/ui/loading'
import { ProblemNotice } from '@/ui/problem'
import { dateTimeText } from '@/ui/time'
import { Frame } from './Frame'

const known = ['session-api', 'chat-api', 'roadmap-worker', 'gateway']

/** How far the deletion of an account is. The address is kept by whoever wants to look again: nobody needs to be signed in. */
export function ErasedPage() {
  const { t } = useTranslation('account')
  const { id } = useParams({ from: '/sign-in/erased/$id' })
  const erasure = useQuery({
    queryKey: ['erasure', id],
    queryFn: () => data(api.GET('/api/erasures/{id}', { params: { path: { id } } })),
    refetchInterval: query => (query.state.data && !query.state.data.done_at ? 1500 : false),
  })
  if (erasure.isPending) return <Loading />
  const done = erasure.data?.done_at
  return (
    <Frame title={done ? t('account:erased.done') : t('account:erased.title')} lead={done ? t('account:erased.doneAt', { at: dateTimeText(done) }) : t('account:erased.lead')}>
      <ProblemNotice error={erasure.error} />
      <div role="status">
        <ul className="flex flex-col gap-2 text-sm">
        {erasure.data?.services.map(({ service, done }) => (
          <li key={service} className="flex items-center gap-2">
            {done ? <CheckCircle2 aria-hidden className="size-4 text-good" /> : <Loader aria-hidden className="size-4 animate-spin text-muted" />}
            {t(`account:erased.service.${known.includes(service) ? service : 'other'}`, { service })}: {done ? t('account:erased.deleted') : t('account:erased.deleting')}
          </li>
        ))}
        </ul>
      </div>
      <p className="mt-4 text-sm text-muted">{t('account:erased.keep')}</p>
      <Link to="/sign-in" className={buttonStyle('secondary', 'mt-4')}>
        {t('account:erased.leave')}
      </Link>
    </Frame>
  )
}
