import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { Ellipsis, MessagesSquare, Trash2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { BackLink } from '@/ui/back'
import { Button, buttonStyle, IconButton } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { LeaveGuard } from '@/ui/leave'
import { Loaded } from '@/ui/loaded'
import { Menu, MenuItem } from '@/ui/menu'
import { Page, Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { formOf, requestOf, type TutorForm } from './form'
import { tutorQuery, tutorsQuery, type Tutor } from './queries'
import { TutorClasses } from './TutorClasses'
import { TutorFields } from './TutorFields'

const TutorMaterial = lazy(() => import('./TutorMaterial').then(({ TutorMaterial }) => ({ default: TutorMaterial })))

export function TutorPage() {
  const { t } = useTranslation('teach')
  const id = Number(useParams({ from: '/signed-in/teach/tutors/$tutorId' }).tutorId)
  const tutor = useQuery(tutorQuery(id))
  return (
    <Page
      title={tutor.data?.name ?? t('teach:tutor')}
      lead={tutor.data?.subject}
      above={<BackLink to="/teach">{t('teach:tab.tutors')}</BackLink>}
      actions={
        tutor.data && (
          <>
            <Link to="/c" search={{ tutor: id }} className={buttonStyle()}>
              <MessagesSquare aria-hidden className="size-4" />
              {t('teach:preview')}
            </Link>
            <TutorMenu tutor={tutor.data} />
          </>
        )
      }
    >
      <Loaded query={tutor}>
        {found => (
          <>
            <EditTutor key={found.id} tutor={found} />
            <Section title={t('teach:material.title')}>
              <Suspense fallback={null}>
                <TutorMaterial tutor={found} />
              </Suspense>
            </Section>
            <Section title={t('teach:classes.title')}>
              <TutorClasses tutorId={id} />
            </Section>
          </>
        )}
      </Loaded>
    </Page>
  )
}

function EditTutor({ tutor }: { tutor: Tutor }) {
  const { t } = useTranslation('teach')
  const [saved, setSaved] = useState(() => formOf(tutor))
  const [form, setForm] = useState(saved)
  const cache = useQueryClient()
  const changed = JSON.stringify(form) !== JSON.stringify(saved)
  const save = useMutation({
    mutationFn: (sent: TutorForm) => data(api.PUT('/api/tutors/{id}', { params: { path: { id: tutor.id } }, body: requestOf(sent) })),
    onSuccess: (next, sent) => {
      cache.setQueryData(tutorQuery(tutor.id).queryKey, next)
      void cache.invalidateQueries({ queryKey: tutorsQuery.queryKey, exact: true })
      setSaved(formOf(next))
      setForm(current => (current === sent ? formOf(next) : current))
      say(t('teach:saved'))
    },
  })
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={event => {
        event.preventDefault()
        save.mutate(form)
      }}
    >
      <LeaveGuard when={changed} />
      <TutorFields form={form} onChange={setForm} />
      <ProblemNotice error={save.error} />
      <Button kind="primary" type="submit" busy={save.isPending} disabled={!changed || !form.name.trim()} className="self-start">
        {t('app:save')}
      </Button>
    </form>
  )
}

function TutorMenu({ tutor }: { tutor: Tutor }) {
  const { t } = useTranslation('teach')
  const [asking, setAsking] = useState(false)
  const cache = useQueryClient()
  const navigate = useNavigate()
  const remove = useMutation({
    mutationFn: () => data(api.DELETE('/api/tutors/{id}', { params: { path: { id: tutor.id } } })),
    onSuccess: async () => {
      await navigate({ to: '/teach', ignoreBlocker: true })
      cache.removeQueries({ queryKey: tutorQuery(tutor.id).queryKey })
      void cache.invalidateQueries({ queryKey: tutorsQuery.queryKey })
      say(t('teach:deleted', { name: tutor.name }))
    },
  })
  return (
    <>
      <Menu
        trigger={
          <IconButton label={t('teach:actions')}>
            <Ellipsis aria-hidden />
          </IconButton>
        }
      >
        <MenuItem danger onClick={() => setAsking(true)}>
          <Trash2 aria-hidden />
          {t('app:delete')}
        </MenuItem>
      </Menu>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate()}
        title={t('teach:delete.title', { name: tutor.name })}
        text={t('teach:delete.text')}
        action={t('app:delete')}
        danger
        busy={remove.isPending}
      >
        <div className="mt-3 empty:hidden">
          <ProblemNotice error={remove.error} />
        </div>
      </Confirm>
    </>
  )
}
