import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function OperatePage() {
  const { t } = useTranslation('operate')
  return <Page title={t('operate:title')}>{null}</Page>
}
