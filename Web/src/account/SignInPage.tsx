import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function SignInPage() {
  const { t } = useTranslation('account')
  return <Page title={t('account:title')}>{null}</Page>
}
