import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { BookOpen, CalendarDays, GraduationCap, Plus, X, type LucideIcon } from 'lucide-react'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button, buttonStyle, IconButton } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Loaded } from '@/ui/loaded'
import { Empty, Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { ClassFrame } from './ClassFrame'
import { overviewQuery, share, sharesQuery, unshare, type Class, type ShareKind } from './queries'
import { useShareable } from './shareable'

const kinds: readonly ShareKind[] = ['tutor', 'roadmap', 'practice_set']
const icons: Record<ShareKind, LucideIcon> = { tutor: GraduationCap, roadmap: CalendarDays, practice_set: BookOpen }

export function SharesPage() {
  return <ClassFrame>{of => <Shares of={of} />}</ClassFrame>
}

function Shares({ of }: { of: Class }) {
  const { t } = useTranslation('classes')
  const shares = useQuery(sharesQuery(of.id))
  const mine = useShareable()
  const box = useRef<HTMLDivElement>(null)
  const [adding, setAdding] = useState<ShareKind | null>(null)
  const cache = useQueryClient()
  const change = useMutation({
    mutationFn: ({ kind, id, on }: { kind: ShareKind; id: string; on: boolean }) => (on ? share(of.id, kind, id).then(() => undefined) : unshare(of.id, kind, id).then(() => undefined)),
    onSuccess: (_, { kind, id, on }) => {
      void cache.invalidateQueries({ queryKey: sharesQuery(of.id).queryKey })
      void cache.invalidateQueries({ queryKey: overviewQuery(of.id).queryKey })
      setAdding(null)
      if (!on) box.current?.focus()
      const name = mine[kind].find(thing => thing.id === id)?.title ?? t(`classes:shares.kind.${kind}`)
      say(on ? t('classes:shares.added', { name }) : t('classes:shares.removed', { name }))
    },
  })
  return (
    <>
      <p className="text-muted">{t('classes:shares.text')}</p>
      <div className="mt-3 empty:hidden">{!adding && <ProblemNotice error={change.error} />}</div>
      <Loaded query={shares}>
        {({ shares: list }) => (
          <div ref={box} tabIndex={-1} className="mt-6 outline-none">
            {kinds.map(kind => {
              const Icon = icons[kind]
              const shared = list.filter(one => one.kind === kind)
              return (
                <Section
                  key={kind}
                  title={t(`classes:shares.title.${kind}`)}
                  actions={
                    !of.archived_at && (
                      <Button onClick={() => setAdding(kind)}>
                        <Plus aria-hidden className="size-4" />
                        {t(`classes:shares.add.${kind}`)}
                      </Button>
                    )
                  }
                >
                  {shared.length === 0 ? (
                    <p className="text-sm text-muted">{t(`classes:shares.none.${kind}`)}</p>
                  ) : (
                    <ul className="rounded-card border border-line bg-raised">
                      {shared.map(({ id }) => {
                        const title = mine[kind].find(thing => thing.id === id)?.title
                        const name = title ?? t(`classes:shares.foreign.${kind}`)
                        return (
                          <li key={id} className="flex items-center gap-3 border-b border-line py-1.5 ps-4 pe-1.5 last:border-0">
                            <Icon aria-hidden className="size-4.5 shrink-0 text-muted" />
                            <span className="min-w-0 flex-1">{name}</span>
                            <IconButton label={t('classes:shares.remove', { name })} onClick={() => change.mutate({ kind, id, on: false })}>
                              <X aria-hidden />
                            </IconButton>
                          </li>
                        )
                      })}
                    </ul>
                  )}
                </Section>
              )
            })}
          </div>
        )}
      </Loaded>
      <Dialog open={adding !== null} onClose={() => setAdding(null)} title={adding ? t(`classes:shares.choose.${adding}`) : ''}>
        {adding && (
          <>
            <div className="mb-3 empty:hidden">
              <ProblemNotice error={change.error} />
            </div>
            <Choices
              kind={adding}
              things={mine[adding].filter(thing => !shares.data?.shares.some(one => one.kind === adding && one.id === thing.id))}
              onChoose={id => change.mutate({ kind: adding, id, on: true })}
              busy={change.isPending}
            />
          </>
        )}
      </Dialog>
    </>
  )
}

function Choices({ kind, things, onChoose, busy }: { kind: ShareKind; things: readonly { id: string; title: string }[]; onChoose: (id: string) => void; busy: boolean }) {
  const { t } = useTranslation('classes')
  const places = { tutor: '/teach', roadmap: '/plans', practice_set: '/practice' } as const
  if (things.length === 0)
    return (
      <Empty
        title={t(`classes:shares.nothing.${kind}`)}
        action={
          <Link to={places[kind]} className={buttonStyle()}>
            {t(`classes:shares.make.${kind}`)}
          </Link>
        }
      />
    )
  return (
    <ul className="flex flex-col gap-1">
      {things.map(({ id, title }) => (
        <li key={id}>
          <button type="button" disabled={busy} onClick={() => onChoose(id)} className="flex min-h-11 w-full items-center rounded-control px-3 text-start hover:bg-hover">
            {title}
          </button>
        </li>
      ))}
    </ul>
  )
}
