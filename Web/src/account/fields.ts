import type { TFunction } from 'i18next'
import { Problem } from '@/api/problem'

/** The server's limits (docs/accounts.md): said before anything is sent. */
const usernameForm = /^[a-z0-9][a-z0-9._+@-]{2,253}$/i

export type Faults = Partial<Record<'username' | 'password' | 'code', string>>

export function faultsOf(fields: { username?: string; password?: string }, t: TFunction): Faults {
  const faults: Faults = {}
  if (fields.username !== undefined && !usernameForm.test(fields.username.trim())) faults.username = t('account:fault.username')
  if (fields.password !== undefined && [...fields.password].length < 12) faults.password = t('account:fault.short')
  return faults
}

/** What the server says of single fields, in the reader's words. Null: nothing, so the whole problem is shown. */
export function serverFaults(error: unknown, t: TFunction): Faults | null {
  if (!(error instanceof Problem)) return null
  if (error.code === 'account_exists') return { username: t('problems:account_exists') }
  if (error.code === 'weak_password') return { password: t('problems:weak_password') }
  if (error.code === 'invalid_invitation') return { code: t('problems:invalid_invitation') }
  if (error.code === 'invitation_required') return { code: t('problems:invitation_required') }
  const faults: Faults = {}
  if (error.errors.username) faults.username = t('account:fault.username')
  if (error.errors.password || error.errors.new_password) faults.password = t('problems:weak_password')
  return Object.keys(faults).length > 0 ? faults : null
}
