import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function TeachPage() {
  const { t } = useTranslation('teach')
  return <Page title={t('teach:title')}>{null}</Page>
}
