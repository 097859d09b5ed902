import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, data } from '@/api/client'
import { meQuery } from '@/api/queries'
import { switchShortcuts, useShortcutsOn } from '@/app/shortcuts'
import { changeTheme, useTheme, type Theme } from '@/app/theme'
import { changeLanguage, languages, type Language } from '@/i18n'
import { Button } from '@/ui/button'
import { CheckField, SelectField, TextField } from '@/ui/field'
import { Section } from '@/ui/page'
import { ProblemNotice } from '@/ui/problem'
import { say } from '@/ui/toast'
import { Frame } from './Frame'

export function SettingsPage() {
  const { t, i18n } = useTranslation('settings')
  const theme = useTheme()
  const shortcuts = useShortcutsOn()
  return (
    <Frame part="general">
      <Profile />
      <Section title={t('settings:device.title')}>
        <p className="-mt-1 mb-4 text-sm text-muted">{t('settings:device.text')}</p>
        <div className="grid gap-5 sm:grid-cols-2">
          <SelectField label={t('settings:device.language')} value={i18n.language} onChange={event => changeLanguage(event.target.value as Language)}>
            {(Object.keys(languages) as Language[]).map(language => (
              <option key={language} value={language}>
                {languages[language]}
              </option>
            ))}
          </SelectField>
          <SelectField label={t('settings:device.theme')} value={theme} onChange={event => changeTheme(event.target.value as Theme)}>
            <option value="system">{t('settings:theme.system')}</option>
            <option value="light">{t('settings:theme.light')}</option>
            <option value="dark">{t('settings:theme.dark')}</option>
          </SelectField>
        </div>
        <CheckField
          className="mt-5"
          label={t('settings:device.shortcuts')}
          hint={t('settings:device.shortcutsHint')}
          checked={shortcuts}
          onChange={event => switchShortcuts(event.target.checked)}
        />
      </Section>
    </Frame>
  )
}

function Profile() {
  const { t } = useTranslation('settings')
  const cache = useQueryClient()
  const account = useQuery(meQuery).data?.account
  const [typed, setTyped] = useState<string | null>(null)
  const name = typed ?? account?.name ?? ''
  const save = useMutation({
    mutationFn: () => data(api.PATCH('/api/me', { body: { name: name.trim() } })),
    onSuccess: me => {
      cache.setQueryData(meQuery.queryKey, me)
      setTyped(null)
      say(t('settings:profile.saved'))
    },
  })
  if (!account) return null
  const unchanged = name.trim() === account.name || !name.trim()
  return (
    <Section title={t('settings:profile.title')}>
      <form
        className="flex flex-col gap-4"
        onSubmit={event => {
          event.preventDefault()
          if (!unchanged) save.mutate()
        }}
      >
        <TextField label={t('settings:profile.name')} hint={t('settings:profile.nameHint')} name="name" autoComplete="name" maxLength={100} value={name} onChange={event => setTyped(event.target.value)} />
        <p className="text-sm text-muted">{t('settings:profile.username', { username: account.username })}</p>
        <ProblemNotice error={save.error} />
        <div>
          <Button type="submit" kind="primary" busy={save.isPending} disabled={unchanged}>
            {t('app:save')}
          </Button>
        </div>
      </form>
    </Section>
  )
}
