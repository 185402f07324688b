import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { AppBar } from './app-bar.tsx'
import type { Phone } from './control-client.ts'
import type { Screen } from './screen.ts'
import { useSimulation } from './simulation.tsx'
import { clock } from './status-bar.tsx'

/** The phone's chats, newest first; contacts without a chat follow. */
export function ChatsScreen({ phone, go }: { phone: Phone; go: (screen: Screen) => void }): ReactNode {
  const { t, control } = useSimulation()
  const { data: inView } = useQuery({ queryKey: ['camera'], queryFn: control.camera })
  const chats = phone.chats.toSorted((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0))
  const silent = phone.contacts.filter(({ number }) => !chats.some((chat) => chat.with === number))
  const rows = [...chats, ...silent.map(({ number, name }) => ({ with: number, name, unread: 0, last: null }))]
  return (
    <>
      <AppBar title={t.chats} subtitle={`+${phone.number}`}>
        <button type="button" className="icon-button" aria-label={t.settings} onClick={() => go({ name: 'settings' })}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 7h9m5 0h2M4 17h2m5 0h9M15.500 4.500v5M8.500 14.500v5" />
          </svg>
        </button>
      </AppBar>
      <div className="screen-body">
        {/* Somebody who came from the console's QR wants to scan it; on a real phone it is three screens away. */}
        {inView && phone.devices.length === 0 && (
          <div className="in-view">
            <p>{t.somethingInView}</p>
            <button type="button" className="wide" onClick={() => go({ name: 'scan' })}>
              {t.scanQr}
            </button>
          </div>
        )}
        {rows.length === 0 && <p className="hint">{t.noChats}</p>}
        <ul className="rows">
          {rows.map((chat) => (
            <li key={chat.with}>
              <button type="button" className="row" onClick={() => go({ name: 'chat', other: chat.with })}>
                <span className="face" aria-hidden="true">
                  {chat.name.slice(0, 1)}
                </span>
                <span className="row-words">
                  <strong dir="auto">{chat.name}</strong>
                  <span dir="auto">
                    {chat.last?.from_me ? `${t.you}: ` : ''}
                    {chat.last?.text}
                  </span>
                </span>
                <span className="row-side">
                  {chat.last && <time>{clock(new Date(chat.last.at * 1_000))}</time>}
                  {chat.unread > 0 && (
                    <span className="count">
                      <span aria-hidden="true">{chat.unread}</span>
                      <span className="visually-hidden">{t.unread(chat.unread)}</span>
                    </span>
                  )}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </>
  )
}
