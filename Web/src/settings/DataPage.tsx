import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { Button } from '@/ui/button'
import { Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { DeleteAccount } from './DeleteAccount'
import { Frame } from './Frame'
import { Looks } from './Looks'
import { Use } from './Use'

export function DataPage() {
  const { t } = useTranslation('settings')
  const take = useMutation({
    mutationFn: async () => {
      // A download cannot renew a sign-in that has run out: this request does it before.
      await data(api.GET('/api/me'))
      const link = document.createElement('a')
      link.href = '/api/me/export'
      link.download = 'lyceum.zip'
      link.click()
    },
    onSuccess: () => say(t('settings:export.begun')),
  })
  return (
    <Frame part="data">
      <Looks />
      <Use />
      <Section title={t('settings:export.title')}>
        <p className="-mt-1 mb-3 text-sm text-muted">{t('settings:export.text')}</p>
        <ProblemNotice error={take.error} />
        <Button busy={take.isPending} onClick={() => take.mutate()}>
          {t('settings:export.action')}
        </Button>
      </Section>
      <DeleteAccount />
    </Frame>
  )
}
