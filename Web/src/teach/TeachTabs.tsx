import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { meQuery } from '@/api/queries'
import { LinkTabs } from '@/ui/tabs'

/** The parts of Teach. People and school are an owner's. */
export function TeachTabs() {
  const { t } = useTranslation('teach')
  const owner = useQuery(meQuery).data?.role === 'owner'
  return (
    <LinkTabs
      label={t('teach:title')}
      tabs={[
        { to: '/teach', label: t('teach:tab.tutors'), exact: true },
        { to: '/teach/material', label: t('teach:tab.material') },
        { to: '/teach/classes', label: t('teach:tab.classes') },
        { to: '/teach/safety', label: t('teach:tab.safety') },
        ...(owner
          ? [
              { to: '/teach/people', label: t('teach:tab.people') },
              { to: '/teach/school', label: t('teach:tab.school') },
            ]
          : []),
      ]}
    />
  )
}
