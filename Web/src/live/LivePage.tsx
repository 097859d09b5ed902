import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function LivePage() {
  const { t } = useTranslation('live')
  return <Page title={t('live:title')}>{null}</Page>
}
