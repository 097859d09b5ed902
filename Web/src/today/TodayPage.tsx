import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function TodayPage() {
  const { t } = useTranslation('today')
  return <Page title={t('today:title')}>{null}</Page>
}
