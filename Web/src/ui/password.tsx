import { Eye, EyeOff } from 'lucide-react'
import { useState, type InputHTMLAttributes, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from './button'
import { TextField } from './field'

interface PasswordFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> {
  label: ReactNode
  hint?: ReactNode
  error?: ReactNode
  autoComplete: 'current-password' | 'new-password'
}

/** A password that its owner can look at while typing. */
export function PasswordField(props: PasswordFieldProps) {
  const { t } = useTranslation()
  const [shown, setShown] = useState(false)
  return (
    <div className="relative">
      <TextField {...props} type={shown ? 'text' : 'password'} spellCheck={false} autoCapitalize="none" maxLength={256} className="pe-12" />
      <IconButton
        label={shown ? t('app:hidePassword') : t('app:showPassword')}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
        className="absolute end-0 top-[1.84rem]"
      >
        {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
      </IconButton>
    </div>
  )
}
