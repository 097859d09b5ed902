import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { BackLink } from '@/ui/back'
import { Button } from '@/ui/button'
import { LeaveGuard } from '@/ui/leave'
import { Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { emptyForm, requestOf } from './form'
import { tutorsQuery } from './queries'
import { TutorFields } from './TutorFields'

export function NewTutorPage() {
  const { t, i18n } = useTranslation('teach')
  const [empty] = useState(() => emptyForm(i18n.language))
  const [form, setForm] = useState(empty)
  const cache = useQueryClient()
  const navigate = useNavigate()
  const make = useMutation({
    mutationFn: () => data(api.POST('/api/tutors', { body: requestOf(form) })),
    onSuccess: async tutor => {
      void cache.invalidateQueries({ queryKey: tutorsQuery.queryKey })
      await navigate({ to: '/teach/tutors/$tutorId', params: { tutorId: String(tutor.id) }, ignoreBlocker: true })
    },
  })
  return (
    <Page title={t('teach:new.title')} lead={t('teach:new.lead')} above={<BackLink to="/teach">{t('teach:tab.tutors')}</BackLink>}>
      <LeaveGuard when={form !== empty && !make.isSuccess} />
      <form
        className="flex flex-col gap-5"
        onSubmit={event => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <TutorFields form={form} onChange={setForm} />
        <ProblemNotice error={make.error} />
        <Button kind="primary" type="submit" busy={make.isPending} disabled={!form.name.trim()} className="self-start">
          {t('teach:new.action')}
        </Button>
      </form>
    </Page>
  )
}
