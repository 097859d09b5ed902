import { ExternalLink, Search } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { safeAddress } from '@/markdown/links'
import { Markdown } from '@/markdown/Markdown'
import type { PlanConcept } from './api'

const title = 'mb-2 text-sm font-semibold'

/** What to do, where to read, and the passages that a concept rests on. */
export function Resources({ concept, language }: { concept: PlanConcept; language: string }) {
  const { t } = useTranslation('plan')
  return (
    <>
      {concept.activities.length > 0 && (
        <section>
          <h3 className={title}>{t('plan:concept.do')}</h3>
          <ul className="flex flex-col gap-3">
            {concept.activities.map((activity, index) => (
              <li key={index} className="text-sm">
                <span className="text-muted">{t(`plan:style.${activity.style}`, { defaultValue: activity.style })}</span>
                <div lang={language}>
                  <Markdown text={activity.text} />
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
      {concept.resources.length > 0 && (
        <section>
          <h3 className={title}>{t('plan:concept.read')}</h3>
          <ul className="flex flex-col gap-2 text-sm">
            {concept.resources.map((resource, index) => {
              const address = resource.url ? safeAddress(resource.url) : null
              return (
                <li key={index}>
                  {address ? (
                    <a href={address} target="_blank" rel="noopener noreferrer" className="text-accent underline">
                      {resource.title}
                      <ExternalLink role="img" aria-label={t('plan:concept.outside')} className="ms-1 mb-0.5 inline size-3.5" />
                    </a>
                  ) : (
                    resource.title
                  )}
                  <span className="text-muted"> {t(`plan:kind.${resource.kind}`, { defaultValue: resource.kind })}</span>
                  {!address && resource.search && (
                    <span className="block text-muted">
                      <Search aria-hidden className="me-1.5 mb-0.5 inline size-3.5" />
                      {t('plan:concept.search', { words: resource.search })}
                    </span>
                  )}
                </li>
              )
            })}
          </ul>
        </section>
      )}
      {!!concept.sources?.length && (
        <section>
          <h3 className={title}>{t('plan:concept.sources')}</h3>
          <ol className="flex flex-col gap-3">
            {concept.sources.map(source => (
              <li key={source.number}>
                <figure className="rounded-control bg-sunk px-4 py-3 text-sm">
                  <blockquote className="whitespace-pre-wrap">{source.quote}</blockquote>
                  <figcaption className="mt-2 text-muted">{[source.document, source.title].filter(Boolean).join(' · ')}</figcaption>
                </figure>
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  )
}
