import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { buttonStyle } from '@/ui/button'
import { Loaded } from '@/ui/loaded'
import { Badge, Notice } from '@/ui/notice'
import { Page } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { DropZone } from '../material/DropZone'
import { basesQuery } from '../material/queries'
import { UploadRow } from '../material/UploadRow'
import { useRefusalWords } from '../material/useRefusalWords'
import { useUploads } from '../material/uploads'
import { TeachTabs } from '../TeachTabs'
import { languageName } from './form'
import { tutorsQuery, type Tutor } from './queries'
import { useTutorFromFiles } from './useTutorFromFiles'

export function TutorsPage() {
  const { t } = useTranslation(['teach', 'material'])
  const tutors = useQuery(tutorsQuery)
  const making = useTutorFromFiles()
  const refusalWords = useRefusalWords()
  const uploads = useUploads(making.kbId ?? '')
  return (
    <Page
      title={t('teach:tutors')}
      lead={t('teach:lead')}
      above={<TeachTabs />}
      actions={
        <Link to="/teach/tutors/new" className={buttonStyle('primary')}>
          <Plus aria-hidden className="size-4" />
          {t('teach:new.open')}
        </Link>
      }
    >
      <DropZone title={t('teach:fromFile')} busy={making.busy} onFiles={files => void making.make(files)} />
      <div className="mt-3 flex flex-col gap-3 empty:hidden">
        {uploads.length > 0 && (
          <ul className="rounded-card border border-line bg-raised">
            {uploads.map(upload => (
              <UploadRow key={upload.id} upload={upload} />
            ))}
          </ul>
        )}
        {making.refused && (
          <Notice kind="bad" role="alert">
            {making.refused.name}: {refusalWords(making.refused, making.refused.reason)}
          </Notice>
        )}
        {Boolean(making.error) && <ProblemNotice error={making.error} />}
      </div>
      <div className="mt-8">
        <Loaded query={tutors}>
          {list =>
            list.length === 0 ? (
              <p className="text-muted">{t('teach:empty')}</p>
            ) : (
              <ul className="grid gap-3 sm:grid-cols-2">
                {list.map(tutor => (
                  <TutorCard key={tutor.id} tutor={tutor} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
    </Page>
  )
}

function TutorCard({ tutor }: { tutor: Tutor }) {
  const { t, i18n } = useTranslation('teach')
  const material = useQuery(basesQuery).data?.find(base => base.kb_id === tutor.kb_id)
  const language = languageName(i18n.language, tutor.language)
  return (
    <li>
      <Link
        to="/teach/tutors/$tutorId"
        params={{ tutorId: String(tutor.id) }}
        className="flex h-full flex-col gap-1 rounded-card border border-line bg-raised px-4 py-3.5 hover:border-edge"
      >
        <span className="font-medium">{tutor.name}</span>
        <span className="text-sm text-muted">{[tutor.subject, language].filter(Boolean).join(' · ')}</span>
        <span className="mt-auto flex flex-wrap items-center gap-2 pt-2 text-sm text-muted">
          <span className="min-w-0">{tutor.kb_id ? (material?.title ?? '') : t('teach:noMaterial')}</span>
          {tutor.mode === 'guide' && <Badge>{t('teach:guides')}</Badge>}
        </span>
      </Link>
    </li>
  )
}
