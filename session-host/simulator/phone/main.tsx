import { createRoot } from 'react-dom/client'
import { PhonesPage } from './phones-page.tsx'
import { SimulationProvider } from './simulation.tsx'
import './page.css'
import './phone.css'

const root = document.getElementById('root')
if (root)
  createRoot(root).render(
    <SimulationProvider>
      <PhonesPage />
    </SimulationProvider>,
  )
