import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { capabilitiesQuery } from '@/api/queries'
import { CheckField, SelectField, TextArea, TextField } from '@/ui/field'
import { basesQuery } from '../material/queries'
import { languagesFor, type TutorForm } from './form'

export function TutorFields({ form, onChange }: { form: TutorForm; onChange: (form: TutorForm) => void }) {
  const { t, i18n } = useTranslation('teach')
  const bases = useQuery(basesQuery).data ?? []
  const speaks = useQuery(capabilitiesQuery).data?.tts ?? false
  const set = (part: Partial<TutorForm>) => onChange({ ...form, ...part })
  return (
    <div className="flex flex-col gap-5">
      <div className="grid gap-5 sm:grid-cols-2">
        <TextField label={t('teach:field.name')} hint={t('teach:field.nameHint')} value={form.name} onChange={event => set({ name: event.target.value })} maxLength={100} required autoComplete="off" />
        <TextField label={t('teach:field.subject')} hint={t('teach:field.subjectHint')} value={form.subject} onChange={event => set({ subject: event.target.value })} maxLength={200} autoComplete="off" />
        <SelectField label={t('teach:field.language')} value={form.language} onChange={event => set({ language: event.target.value })}>
          {languagesFor(i18n.language, form.language).map(({ tag, name }) => (
            <option key={tag} value={tag}>
              {name}
            </option>
          ))}
        </SelectField>
        <SelectField label={t('teach:field.material')} value={form.kbId} onChange={event => set({ kbId: event.target.value })}>
          <option value="">{t('teach:field.noMaterial')}</option>
          {bases.map(base => (
            <option key={base.kb_id} value={base.kb_id}>
              {base.title}
            </option>
          ))}
          {form.kbId && !bases.some(base => base.kb_id === form.kbId) && <option value={form.kbId}>{form.kbId}</option>}
        </SelectField>
      </div>
      <TextArea
        label={t('teach:field.instructions')}
        hint={t('teach:field.instructionsHint')}
        value={form.instructions}
        onChange={event => set({ instructions: event.target.value })}
        maxLength={8000}
        placeholder={t('teach:field.instructionsExample')}
      />
      <CheckField label={t('teach:field.guide')} hint={t('teach:field.guideHint')} checked={form.guides} onChange={event => set({ guides: event.target.checked })} />
      {(speaks || form.voice) && (
        <TextField label={t('teach:field.voice')} hint={t('teach:field.voiceHint')} value={form.voice} onChange={event => set({ voice: event.target.value })} maxLength={100} autoComplete="off" />
      )}
    </div>
  )
}
