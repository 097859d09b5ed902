import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function PlansPage() {
  const { t } = useTranslation('plan')
  return <Page title={t('plan:title')}>{null}</Page>
}
