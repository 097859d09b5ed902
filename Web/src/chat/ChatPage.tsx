import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/page'

export function ChatPage() {
  const { t } = useTranslation('chat')
  return <Page title={t('chat:title')}>{null}</Page>
}
