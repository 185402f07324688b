import { useState, type ReactNode } from 'react'
import { ChatScreen } from './chat-screen.tsx'
import { ChatsScreen } from './chats-screen.tsx'
import type { Phone } from './control-client.ts'
import { CodeScreen } from './code-screen.tsx'
import { DevicesScreen } from './devices-screen.tsx'
import { ScanScreen } from './scan-screen.tsx'
import type { Screen } from './screen.ts'
import { SettingsScreen } from './settings-screen.tsx'
import { StatusBar } from './status-bar.tsx'

/** A phone in one's hand: frame, status bar, and the screen that is open. */
export function SimulatedPhone({ phone, home }: { phone: Phone; home: Screen }): ReactNode {
  const [screen, setScreen] = useState<Screen>(home)
  return (
    <div className="phone">
      <div className="phone-screen">
        <StatusBar airplane={phone.airplane} />
        <ScreenOf phone={phone} screen={screen} go={setScreen} />
      </div>
    </div>
  )
}

function ScreenOf({ phone, screen, go }: { phone: Phone; screen: Screen; go: (screen: Screen) => void }): ReactNode {
  switch (screen.name) {
    case 'chats':
      return <ChatsScreen phone={phone} go={go} />
    case 'chat':
      return <ChatScreen phone={phone} other={screen.other} onBack={() => go({ name: 'chats' })} />
    case 'settings':
      return <SettingsScreen phone={phone} go={go} />
    case 'devices':
      return <DevicesScreen phone={phone} go={go} />
    case 'scan':
      return <ScanScreen phone={phone} onDone={() => go({ name: 'devices' })} onTypeCode={() => go({ name: 'code' })} />
    case 'code':
      return <CodeScreen phone={phone} onDone={() => go({ name: 'devices' })} />
    default:
      return screen satisfies never
  }
}
