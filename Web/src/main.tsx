import './styles.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/App'
import { followOtherTabs } from './app/session'
import { applyTheme } from './app/theme'
import { startTranslation } from './i18n'

applyTheme()
followOtherTabs()
await startTranslation()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
