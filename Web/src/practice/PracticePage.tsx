import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function PracticePage() {
  const { t } = useTranslation('practice')
  return <Page title={t('practice:title')}>{null}</Page>
}
