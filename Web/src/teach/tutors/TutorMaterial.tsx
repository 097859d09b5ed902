import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { buttonStyle } from '@/ui/button'
import { Loaded } from '@/ui/loaded'
import { Documents } from '../material/Documents'
import { DropZone } from '../material/DropZone'
import { baseQuery, documentsQuery } from '../material/queries'
import { Retrieval } from '../material/Retrieval'
import { useTakeFiles } from '../material/useTakeFiles'
import type { Tutor } from './queries'

/** What a tutor answers from: its documents, and a question to try. */
export function TutorMaterial({ tutor }: { tutor: Tutor }) {
  const { t } = useTranslation('teach')
  if (!tutor.kb_id) return <p className="text-muted">{t('teach:material.none')}</p>
  return <Material key={tutor.kb_id} kbId={tutor.kb_id} />
}

function Material({ kbId }: { kbId: string }) {
  const { t } = useTranslation(['teach', 'material'])
  const base = useQuery(baseQuery(kbId))
  const documents = useQuery(documentsQuery(kbId))
  const take = useTakeFiles(kbId)
  return (
    <Loaded query={base}>
      {({ title }) => (
        <>
          <DropZone title={t('teach:material.drop', { name: title })} onFiles={take} />
          <Documents kbId={kbId} query={documents} />
          <Link to="/teach/material/$kbId" params={{ kbId }} className={buttonStyle('quiet', 'mt-2 -ms-4')}>
            {t('teach:material.open')}
          </Link>
          {documents.data?.some(document => document.status === 'ready') && (
            <>
              <h3 className="mt-6 mb-2">{t('material:retrieval.title')}</h3>
              <Retrieval kbId={kbId} />
            </>
          )}
        </>
      )}
    </Loaded>
  )
}
