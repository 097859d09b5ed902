import './styles.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/App'
import { followOtherTabs } from './app/session'
import { applyTheme } from './app/theme'
import { keepShell } from './app/worker'
import { startTranslation } from './i18n'

applyTheme()
followOtherTabs()
keepShell()
await startTranslation()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
