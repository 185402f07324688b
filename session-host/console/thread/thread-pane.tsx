import { lazy, Suspense, useCallback, useEffect, useMemo, useState, type DragEvent, type ReactNode } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import type { Message } from '#shared/message.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { Avatar } from '../chats/avatar.tsx'
import { conversationName, phoneFormat } from '../chats/conversation-name.ts'
import { useSecondsOf } from '../chats/use-now.ts'
import { openChatAt } from '../chats/use-route.ts'
import { Icon } from '../icon.tsx'
import { shortMoment } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import { phoneOf } from '#shared/ids.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { Composer } from './composer.tsx'
import { MessageActionsProvider, type MessageQuestion } from './message-actions.ts'
import { MessageList } from './message-list.tsx'
import { presenceLine } from './presence-line.ts'
import { TextDialog } from './text-dialog.tsx'
import { threadRows } from './thread-rows.ts'
import { useAttachments } from './use-attachments.ts'
import { useMarkRead } from './use-mark-read.ts'
import { useNames } from './use-names.ts'
import { useWatch } from './use-watch.ts'
import { useConversation, useMessages } from './use-thread.ts'

const MessageDialog = lazy(async () => ({ default: (await import('./message-dialogs.tsx')).MessageDialog }))
const GroupDialog = lazy(async () => ({ default: (await import('./group-dialog.tsx')).GroupDialog }))

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
  const isGroup = conversation.kind === 'group'
  const nameOf = useNames(conversation, thread.messages)
  const [asText, setAsText] = useState(false)
  const [groupOpen, setGroupOpen] = useState(false)
  const [replyTo, setReplyTo] = useState<Message | null>(null)
  const [question, setQuestion] = useState<MessageQuestion | null>(null)
  const attachments = useAttachments()
  const [over, setOver] = useState(false)
  const actions = useMemo(() => ({ reply: setReplyTo, ask: setQuestion }), [])
  const authorOf = useCallback(
    (of: Message): string => (of.from_me ? t.you : isGroup && of.sender_jid ? nameOf(of.sender_jid) : name),
    [t, isGroup, nameOf, name],
  )
  useWatch(conversation.id)
  useMarkRead(conversation)
  const rows = useMemo(() => {
    const own = outgoing.filter((message) => message.conversationId === conversation.id)
    return threadRows(thread.messages, own, opening, outbox.rowKeyOf)
  }, [thread.messages, outgoing, conversation.id, opening, outbox])
  useEscapeToComposer()

  function dragged(event: DragEvent): void {
    if (!event.dataTransfer.types.includes('Files')) return
    event.preventDefault()
    setOver(event.type !== 'dragleave' || event.currentTarget.contains(event.relatedTarget as Node | null))
  }
  function drop(event: DragEvent): void {
    if (event.dataTransfer.files.length === 0) return
    event.preventDefault()
    setOver(false)
    attachments.add(event.dataTransfer.files)
  }

  return (
    <section
      className="thread"
      aria-labelledby="thread-name"
      onDragEnter={dragged}
      onDragOver={dragged}
      onDragLeave={dragged}
      onDrop={drop}
    >
      {over && (
        <p className="drop-here" role="status">
          {t.dropHere}
        </p>
      )}
      <header className="thread-header">
        <button type="button" className="quiet thread-back" aria-label={t.back} onClick={() => openChatAt(null, true)}>
          <Icon name="back" />
        </button>
        <Avatar name={name} id={conversation.id} photo={conversation.contact_photo_url} />
        <div className="thread-who">
          <h1 id="thread-name" dir="auto">
            {name}
          </h1>
          <Subtitle conversation={conversation} name={name} nameOf={nameOf} />
        </div>
        {isGroup && (
          <button
            type="button"
            className="quiet"
            aria-label={t.groupInfo}
            title={t.groupInfo}
            onClick={() => setGroupOpen(true)}
          >
            <Icon name="people" />
          </button>
        )}
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
        <MessageActionsProvider value={actions}>
          <MessageList
            rows={rows}
            thread={thread}
            unread={opening.unread}
            name={name}
            isGroup={isGroup}
            nameOf={nameOf}
          />
        </MessageActionsProvider>
      )}
      <Composer
        conversationId={conversation.id}
        attachments={attachments}
        replyTo={replyTo}
        authorOf={authorOf}
        onReplyEnd={() => setReplyTo(null)}
      />
      <Suspense>
        {question && <MessageDialog question={question} onClose={() => setQuestion(null)} />}
        {groupOpen && <GroupDialog conversation={conversation} onClose={() => setGroupOpen(false)} />}
      </Suspense>
      {asText && <TextDialog rows={rows} name={name} onClose={() => setAsText(false)} />}
    </section>
  )
}

function Subtitle(props: { conversation: Conversation; name: string; nameOf: (jid: string) => string }): ReactNode {
  const { t, language } = useLanguage()
  const { presence } = useParts()
  const format = useObservable(phoneFormat)
  const now = useSecondsOf(60)
  const activity = useObservable(presence.activities).get(props.conversation.id)
  const isGroup = props.conversation.kind === 'group'
  const doing = presenceLine(activity, t, isGroup ? props.nameOf : null)
  if (doing !== '')
    return (
      <p className="doing" dir="auto">
        {doing}
      </p>
    )
  if (isGroup) return <p>{t.group}</p>
  const phone = phoneOf(props.conversation.external_id)
  const number = phone === null ? '' : format(phone)
  const seen = activity?.lastSeen ? t.lastSeen(shortMoment(new Date(activity.lastSeen), now, language)) : ''
  const shown = number === props.name ? '' : number
  return shown === '' && seen === '' ? null : (
    <p>
      {shown !== '' && <bdi>{shown}</bdi>}
      {shown !== '' && seen !== '' && ' · '}
      {seen}
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
