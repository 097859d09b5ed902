import { Check, EyeOff } from 'lucide-react'
import { useTranslation } from 'react-i18next'

/** What the teachers of a class see of a student, and what they do not: as docs/classes.md promises it. */
export function WhatTeachersSee({ visibility }: { visibility: string }) {
  const { t } = useTranslation('account')
  const words = visibility === 'conversations'
  const seen = [t('account:see.progress'), t('account:see.active'), ...(words ? [t('account:see.questions')] : [])]
  const unseen = [words ? t('account:see.notOwn') : t('account:see.notQuestions'), t('account:see.notPassword')]
  return (
    <section className="rounded-card border border-line bg-raised p-4 text-sm">
      <h2 className="text-base">{t('account:see.title')}</h2>
      <ul className="mt-2 flex flex-col gap-1.5">
        {seen.map(line => (
          <li key={line} className="flex gap-2">
            <Check aria-hidden className="mt-0.5 size-4 shrink-0 text-accent" />
            {line}
          </li>
        ))}
      </ul>
      <h3 className="mt-4 text-sm">{t('account:see.not')}</h3>
      <ul className="mt-2 flex flex-col gap-1.5 text-muted">
        {unseen.map(line => (
          <li key={line} className="flex gap-2">
            <EyeOff aria-hidden className="mt-0.5 size-4 shrink-0" />
            {line}
          </li>
        ))}
      </ul>
      <p className="mt-4 text-muted">{t('account:see.looks')}</p>
    </section>
  )
}
