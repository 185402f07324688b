import { useEffect, useMemo, useState, type ReactNode } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { Avatar } from '../chats/avatar.tsx'
import { conversationName, phoneFormat } from '../chats/conversation-name.ts'
import { openChatAt } from '../chats/use-route.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { phoneOf } from '#shared/ids.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { Composer } from './composer.tsx'
import { MessageList } from './message-list.tsx'
import { TextDialog } from './text-dialog.tsx'
import { threadRows } from './thread-rows.ts'
import { useMarkRead } from './use-mark-read.ts'
import { useNames } from './use-names.ts'
import { useConversation, useMessages } from './use-thread.ts'

/** The open chat: who it is with, its messages, and where to write. */
export function ThreadPane(props: { conversationId: string; listed: Conversation | undefined }): ReactNode {
  const { t } = useLanguage()
  const { data, isPending } = useConversation(props.conversationId, props.listed === undefined)
  const conversation = props.listed ?? data
  if (isPending && !conversation) return <div className="thread" aria-busy="true" />
  if (!conversation)
    return (
      <div className="empty" role="alert">
        <p>{t.chatMissing}</p>
        <button type="button" className="secondary" onClick={() => openChatAt(null, true)}>
          {t.back}
        </button>
      </div>
    )
  return <OpenThread conversation={conversation} />
}

function OpenThread({ conversation }: { conversation: Conversation }): ReactNode {
  const { t } = useLanguage()
  const { outbox } = useParts()
  useObservable(phoneFormat)
  const name = conversationName(conversation, t)
  // Frozen while the chat is open: reading on doesn't move the divider.
  const [opening] = useState({ unread: conversation.unread_count, until: conversation.last_message_at })
  const thread = useMessages(conversation.id, opening.unread)
  const outgoing = useObservable(outbox.outgoing)
  const nameOf = useNames(conversation)
  const [asText, setAsText] = useState(false)
  useMarkRead(conversation)
  const rows = useMemo(() => {
    const own = outgoing.filter((message) => message.conversationId === conversation.id)
    return threadRows(thread.messages, own, opening, outbox.rowKeyOf)
  }, [thread.messages, outgoing, conversation.id, opening, outbox])
  useEscapeToComposer()

  return (
    <section className="thread" aria-labelledby="thread-name">
      <header className="thread-header">
        <button type="button" className="quiet thread-back" aria-label={t.back} onClick={() => openChatAt(null, true)}>
          <Icon name="back" />
        </button>
        <Avatar name={name} id={conversation.id} photo={conversation.contact_photo_url} />
        <div className="thread-who">
          <h1 id="thread-name" dir="auto">
            {name}
          </h1>
          <Subtitle conversation={conversation} name={name} />
        </div>
        <button type="button" className="quiet" aria-label={t.asText} title={t.asText} onClick={() => setAsText(true)}>
          <Icon name="text" />
        </button>
      </header>
      {thread.error ? (
        <div className="empty" role="alert">
          <p>{t.messagesFailed}</p>
          <p className="hint">{errorSentence(thread.error, t)}</p>
          <button type="button" className="secondary" onClick={thread.reload}>
            {t.retry}
          </button>
        </div>
      ) : thread.isPending ? (
        <ThreadSkeleton />
      ) : (
        <MessageList
          rows={rows}
          thread={thread}
          unread={opening.unread}
          name={name}
          isGroup={conversation.kind === 'group'}
          nameOf={nameOf}
        />
      )}
      <Composer conversationId={conversation.id} />
      {asText && <TextDialog rows={rows} name={name} onClose={() => setAsText(false)} />}
    </section>
  )
}

function Subtitle({ conversation, name }: { conversation: Conversation; name: string }): ReactNode {
  const { t } = useLanguage()
  const format = useObservable(phoneFormat)
  if (conversation.kind === 'group') return <p>{t.group}</p>
  const phone = phoneOf(conversation.external_id)
  const number = phone === null ? '' : format(phone)
  return number === '' || number === name ? null : (
    <p>
      <bdi>{number}</bdi>
    </p>
  )
}

/** Escape inside the thread goes back to writing. */
function useEscapeToComposer(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const inThread = event.target instanceof Element && event.target.closest('.thread')
      if (event.key === 'Escape' && inThread && !document.querySelector('dialog[open]'))
        document.getElementById('composer')?.focus()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

function ThreadSkeleton(): ReactNode {
  const { t } = useLanguage()
  return (
    <div className="thread-skeleton" role="status" aria-label={t.loading}>
      {[40, 55, 30, 48, 36].map((width, index) => (
        <span key={width} className={index % 2 ? 'skeleton mine' : 'skeleton'} style={{ inlineSize: `${width}%` }} />
      ))}
    </div>
  )
}
