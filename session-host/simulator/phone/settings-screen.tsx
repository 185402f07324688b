import type { ReactNode } from 'react'
import { AppBar } from './app-bar.tsx'
import type { Phone } from './control-client.ts'
import type { Screen } from './screen.ts'
import { useSimulation } from './simulation.tsx'

export function SettingsScreen({ phone, go }: { phone: Phone; go: (screen: Screen) => void }): ReactNode {
  const { t } = useSimulation()
  return (
    <>
      <AppBar title={t.settings} onBack={() => go({ name: 'chats' })} />
      <div className="screen-body">
        <div className="profile">
          <span className="face large" aria-hidden="true">
            {phone.name.slice(0, 1)}
          </span>
          <strong dir="auto">{phone.name}</strong>
          <span>+{phone.number}</span>
        </div>
        <ul className="rows">
          <li>
            <button type="button" className="row" onClick={() => go({ name: 'devices' })}>
              <span className="row-words">
                <strong>{t.linkedDevices}</strong>
              </span>
              <span className="row-side">{phone.devices.length}</span>
            </button>
          </li>
        </ul>
      </div>
    </>
  )
}
