import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { byCursor } from '@/api/pages'
import { CheckField } from '@/ui/field'
import { Pages } from '@/ui/more'
import { Badge } from '@/ui/notice'
import { dateTimeText } from '@/ui/time'
import { useNames } from './people'

interface Verdict {
  key: string
  person: string
  at: string
  /** Such as "A question", "An answer". */
  what: string
  category: string
  by: string
  quote: string
  report?: string | null
  reported?: boolean
}

/** What was withheld, why, and what somebody reported as wrong. */
export function Verdicts() {
  const { t } = useTranslation('safety')
  const [reported, setReported] = useState(false)
  const chats = useInfiniteQuery({
    queryKey: ['verdicts', 'chats', reported],
    queryFn: ({ pageParam }) => data(api.GET('/api/moderation/verdicts', { params: { query: { reported: reported || undefined, cursor: pageParam } } })),
    ...byCursor,
  })
  const sessions = useInfiniteQuery({
    queryKey: ['verdicts', 'sessions'],
    enabled: !reported,
    queryFn: ({ pageParam }) => data(api.GET('/api/sessions/verdicts', { params: { query: { cursor: pageParam } } })),
    ...byCursor,
  })
  const empty = chats.data?.pages[0]?.verdicts.length === 0 && (reported || sessions.data?.pages[0]?.flags.length === 0)
  return (
    <>
      <p className="mb-3 text-muted">{t('safety:verdicts.text')}</p>
      <CheckField className="mb-4" label={t('safety:verdicts.reported')} checked={reported} onChange={event => setReported(event.target.checked)} />
      {empty ? (
        <p role="status" className="text-muted">
          {reported ? t('safety:verdicts.noneReported') : t('safety:verdicts.none')}
        </p>
      ) : (
        <div className="flex flex-col gap-4">
          <Pages query={chats}>
            {pages => (
              <VerdictList
                verdicts={pages
                  .flatMap(page => page.verdicts)
                  .map(one => ({
                    key: one.id,
                    person: one.person,
                    at: one.created_at,
                    what: t(`safety:verdicts.side.${one.side}`, { defaultValue: one.side }),
                    category: one.category,
                    by: one.by,
                    quote: one.quote,
                    report: one.report,
                    reported: Boolean(one.reported_at),
                  }))}
              />
            )}
          </Pages>
          {!reported && (
            <Pages query={sessions}>
              {pages => (
                <VerdictList
                  verdicts={pages
                    .flatMap(page => page.flags)
                    .map(one => ({ key: `${one.session_id}/${one.turn}`, person: one.person, at: one.at, what: t('safety:verdicts.live'), category: one.category, by: one.by, quote: one.quote }))}
                />
              )}
            </Pages>
          )}
        </div>
      )}
    </>
  )
}

function VerdictList({ verdicts }: { verdicts: readonly Verdict[] }) {
  const { t } = useTranslation('safety')
  const name = useNames()
  if (verdicts.length === 0) return null
  return (
    <ul className="flex flex-col gap-3">
      {verdicts.map(verdict => (
        <li key={verdict.key} className="rounded-card border border-line bg-raised px-4 py-3">
          <p className="flex flex-wrap justify-between gap-x-4">
            <span className="font-medium">{name(verdict.person)}</span>
            <span className="text-sm text-muted">{dateTimeText(verdict.at)}</span>
          </p>
          <blockquote className="mt-1 border-s-2 border-line ps-3">{verdict.quote}</blockquote>
          <p className="mt-2 flex flex-wrap items-center gap-2 text-sm text-muted">
            <span>{verdict.what}</span>
            <Badge kind="plain">{t(`safety:category.${verdict.category}`, { defaultValue: verdict.category })}</Badge>
            <span>{t(`safety:verdicts.by.${verdict.by}`, { defaultValue: verdict.by })}</span>
          </p>
          {verdict.reported && <p className="mt-2 text-sm text-warn">{verdict.report ? t('safety:verdicts.report', { reason: verdict.report }) : t('safety:verdicts.reportBare')}</p>}
        </li>
      ))}
    </ul>
  )
}
