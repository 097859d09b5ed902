import { CalendarDays, FileUp, UsersRound } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { PathLink } from '@/ui/pathlink'

/** For a new person: three things that one can do beside asking. */
export function FirstSteps({ teaches }: { teaches: boolean }) {
  const { t } = useTranslation('today')
  const steps = [
    ...(teaches ? [{ href: '/teach', icon: FileUp, title: t('today:first.material'), text: t('today:first.materialText') }] : []),
    { href: '/plans', icon: CalendarDays, title: t('today:first.plan'), text: t('today:first.planText') },
    { href: '/join', icon: UsersRound, title: t('today:first.class'), text: t('today:first.classText') },
  ]
  return (
    <section className="mt-10">
      <h2 className="mb-3">{t('today:first.title')}</h2>
      <ul className={`grid gap-3 ${steps.length === 3 ? 'sm:grid-cols-3' : 'sm:grid-cols-2'}`}>
        {steps.map(({ href, icon: Icon, title, text }) => (
          <li key={href}>
            <PathLink href={href} className="flex h-full flex-col gap-1 rounded-card border border-line bg-raised p-4 hover:bg-hover">
              <Icon aria-hidden className="mb-1 size-5 text-accent" />
              <span className="font-medium">{title}</span>
              <span className="text-sm text-muted">{text}</span>
            </PathLink>
          </li>
        ))}
      </ul>
    </section>
  )
}
