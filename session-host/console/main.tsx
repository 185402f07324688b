import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './styles/base.css'
import './styles/sign-in.css'
import './styles/linking.css'
import './styles/chats.css'
import './styles/thread.css'
import './styles/content.css'
import './styles/dialogs.css'
import './styles/actions.css'

const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
