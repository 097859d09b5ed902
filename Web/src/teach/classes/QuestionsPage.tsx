import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { byCursor } from '@/api/pages'
import type { Schema } from '@/api/types'
import { Pages } from '@/ui/more'
import { Notice } from '@/ui/notice'
import { Card, Empty, Section } from '@/ui/page'
import { relativeTime } from '@/ui/time'
import { ClassFrame } from './ClassFrame'
import type { Class } from './queries'

export function QuestionsPage() {
  return <ClassFrame>{of => <Questions of={of} />}</ClassFrame>
}

function Questions({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const questions = useInfiniteQuery({
    queryKey: ['classes', of.id, 'questions'],
    queryFn: ({ pageParam }) => data(api.GET('/api/classes/{id}/questions', { params: { path: { id: of.id }, query: { cursor: pageParam } } })),
    ...byCursor,
  })
  return (
    <>
      <Notice className="mb-6">{t('classes:questions.note')}</Notice>
      <Pages query={questions}>
        {pages => {
          const first = pages[0]
          const groups = pages.flatMap(page => page.groups)
          if (!first || (groups.length === 0 && !first.unanswered)) return <Empty title={t('classes:questions.empty.title')}>{t('classes:questions.empty.text')}</Empty>
          return (
            <>
              {first.unanswered && (
                <Section title={t('classes:questions.unanswered')}>
                  <p className="mb-3 text-sm text-muted">{t('classes:questions.unansweredText')}</p>
                  <Group group={first.unanswered} />
                </Section>
              )}
              {groups.length > 0 && (
                <Section title={t('classes:questions.asked')}>
                  <div className="flex flex-col gap-3">
                    {groups.map(group => (
                      <Group key={group.passage_id} group={group} />
                    ))}
                  </div>
                  {first.figures_hidden && <p className="mt-4 text-sm text-muted">{t('classes:questions.hidden', { count: first.figures_from })}</p>}
                  {!first.is_complete && <p className="mt-2 text-sm text-muted">{t('classes:questions.partly')}</p>}
                </Section>
              )}
            </>
          )
        }}
      </Pages>
    </>
  )
}

/** Questions to one passage. The same words asked again are one line with its number. */
function Group({ group }: { group: Schema['QuestionGroup'] }) {
  const { t } = useTranslation('classes')
  const counted = new Map<string, number>()
  for (const { text } of group.asked) counted.set(text, (counted.get(text) ?? 0) + 1)
  return (
    <Card>
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        {group.title && <h3 className="min-w-0">{group.title}</h3>}
        <p className="text-sm text-muted">
          {[
            ...(group.questions ? [t('classes:questions.count', { count: group.questions })] : []),
            ...(group.students ? [t('classes:students', { count: group.students })] : []),
            relativeTime(group.last_asked_at),
          ].join(' · ')}
        </p>
      </div>
      {group.source && <p className="text-sm text-muted">{group.source}</p>}
      <ul className="mt-3 flex flex-col gap-1.5">
        {[...counted].map(([text, count]) => (
          <li key={text} className="border-s-2 border-line ps-3">
            {text}
            {count > 1 && <span className="ms-2 text-sm text-muted">{t('classes:questions.times', { count })}</span>}
          </li>
        ))}
      </ul>
    </Card>
  )
}
