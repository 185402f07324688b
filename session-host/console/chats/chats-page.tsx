import { useEffect, useState, type ReactNode } from 'react'
import type { Session } from '#shared/session.ts'
import { SettingsButton } from '../account/settings-dialog.tsx'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { useParts } from '../parts.ts'
import { ThreadPane } from '../thread/thread-pane.tsx'
import { Wordmark } from '../wordmark.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { loadPhoneFormat } from './conversation-name.ts'
import { ConversationList } from './conversation-list.tsx'
import { MessageHits } from './message-hits.tsx'
import { NewChatDialog } from './new-chat-dialog.tsx'
import { useChatTitle } from './use-chat-title.ts'
import { useConversations } from './use-conversations.ts'
import { useOwnPresence } from './use-own-presence.ts'
import { useOpenChat } from './use-route.ts'

/** The list of chats beside the open one; one of the two on a phone's width. */
export function ChatsPage({ session, onLink }: { session: Session; onLink: () => void }): ReactNode {
  const { t } = useLanguage()
  const { announcer } = useParts()
  const openId = useOpenChat()
  const [typed, setTyped] = useState('')
  const [archived, setArchived] = useState(false)
  const [adding, setAdding] = useState(false)
  const q = useSettled(typed.trim())
  const list = useConversations(q, archived)
  useChatTitle(list.conversations)
  useSearchKey()
  useOwnPresence(session.status === 'connected')
  useEffect(() => {
    void loadPhoneFormat()
  }, [])
  const isConnected = session.status === 'connected'
  useEffect(() => {
    if (isConnected) announcer.say(t.connected)
  }, [isConnected, announcer, t])

  return (
    <div className={openId === null ? 'chats' : 'chats chats-open'}>
      <a className="skip" href="#composer" onClick={focusTarget(openId === null ? 'chat-search' : 'composer')}>
        {openId === null ? t.skipToChats : t.skipToComposer}
      </a>
      <nav className="chats-side" aria-label={t.chats}>
        <header className="side-header">
          <Wordmark />
          <span className="side-actions">
            <button
              type="button"
              className="quiet"
              aria-pressed={archived}
              aria-label={archived ? t.hideArchived : t.showArchived}
              title={archived ? t.hideArchived : t.showArchived}
              onClick={() => setArchived(!archived)}
            >
              <Icon name="archive" />
            </button>
            <button
              type="button"
              className="quiet"
              aria-label={t.newChat}
              title={t.newChat}
              onClick={() => setAdding(true)}
            >
              <Icon name="compose" />
            </button>
            <SettingsButton session={session} />
          </span>
        </header>
        <search className="side-search">
          <Icon name="search" />
          <input
            id="chat-search"
            type="search"
            placeholder={t.searchChats}
            aria-label={t.searchChats}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => event.key === 'Escape' && setTyped('')}
          />
          {typed !== '' && (
            <button type="button" className="quiet" aria-label={t.clearSearch} onClick={() => setTyped('')}>
              <Icon name="clear" />
            </button>
          )}
        </search>
        <ConnectionBanner session={session} onLink={onLink} />
        {archived && <h2 className="side-heading">{t.archived}</h2>}
        <ConversationList list={list} q={q} archived={archived} openId={openId} onNewChat={() => setAdding(true)} />
        {q.length > 1 && <MessageHits q={q.slice(0, 200)} />}
      </nav>
      <main className="chats-main">
        {openId === null ? (
          <div className="empty">
            <span className="empty-mark">
              <Icon name="chat" />
            </span>
            <h2>{t.pickChat}</h2>
            <p>{t.pickChatHelp}</p>
          </div>
        ) : (
          <ThreadPane
            key={openId}
            conversationId={openId}
            listed={list.conversations.find(({ id }) => id === openId)}
          />
        )}
      </main>
      {adding && <NewChatDialog onClose={() => setAdding(false)} />}
    </div>
  )
}

/** A value once it has stood still for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), value === '' ? 0 : 250)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}

/** Ctrl+K or ⌘K goes to the search, from anywhere. AltGr, which is Ctrl+Alt on Windows, doesn't. */
function useSearchKey(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey) return
      event.preventDefault()
      document.getElementById('chat-search')?.focus()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

function focusTarget(id: string) {
  return (event: { preventDefault: () => void }): void => {
    event.preventDefault()
    document.getElementById(id)?.focus()
  }
}
