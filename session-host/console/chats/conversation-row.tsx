import type { ReactNode } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { shortMoment } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import type { Catalogue } from '../language/catalogue-es.ts'
import { useObservable } from '../live/observable.ts'
import { useSecondsOf } from './use-now.ts'
import { readDraft } from '../thread/drafts.ts'
import { parseWhatsAppText, visibleText } from '../thread/whatsapp-text.ts'
import { Icon } from '../icon.tsx'
import { Menu, type MenuItem } from '../menu.tsx'
import { useParts } from '../parts.ts'
import { isBusy } from '../live/presence-board.ts'
import { presenceLine } from '../thread/presence-line.ts'
import { Avatar } from './avatar.tsx'
import { isMuted } from './is-muted.ts'
import { conversationName, phoneFormat } from './conversation-name.ts'
import { chatHref } from './use-route.ts'

/** One chat in the list. It reads in this order: kind, unread, name, last message, time; the style sheet places the pieces. */
export function ConversationRow(props: {
  conversation: Conversation
  position: number
  total: number
  open: boolean
  tabStop: boolean
  onFocus: () => void
  offset: number
  actions: (conversation: Conversation) => MenuItem[]
}): ReactNode {
  const { t, language } = useLanguage()
  useObservable(phoneFormat)
  const now = useSecondsOf(60)
  const { conversation, open } = props
  const name = conversationName(conversation, t)
  const draft = open ? '' : readDraft(conversation.id)
  const { presence } = useParts()
  const activity = useObservable(presence.activities).get(conversation.id)
  const doing = activity && isBusy(activity) ? presenceLine(activity, t, null) : ''
  const written = draft === '' ? lastMessage(conversation, t) : `${t.draft}: ${draft}`
  const last = doing === '' ? written : doing
  const pinned = conversation.pinned_at !== null
  const muted = isMuted(conversation)
  const at = conversation.last_message_at ?? (conversation.last_message_type === null ? null : conversation.activity_at)
  const time = at === null ? '' : shortMoment(new Date(at), now, language)
  const unread = conversation.unread_count
  return (
    <li
      style={{ transform: `translateY(${props.offset}px)` }}
      aria-posinset={props.position}
      aria-setsize={props.total}
    >
      <a
        className={unread > 0 || conversation.marked_unread ? 'chat-row chat-row-unread' : 'chat-row'}
        href={chatHref(conversation.id)}
        data-id={conversation.id}
        aria-current={open ? 'page' : undefined}
        tabIndex={props.tabStop ? 0 : -1}
        onFocus={props.onFocus}
      >
        <Avatar name={name} id={conversation.id} photo={conversation.contact_photo_url} />
        <span className="visually-hidden">
          {conversation.kind === 'group' ? t.groupChat : t.contactChat}
          {', '}
          {unread > 0 && `${t.unread(unread)}, `}
          {unread === 0 && conversation.marked_unread && `${t.markedUnread}, `}
          {pinned && `${t.pinned}, `}
          {muted && `${t.muted}, `}
        </span>
        <span className="chat-row-name" dir="auto">
          {name}
        </span>
        <span className="visually-hidden">, </span>
        <span className={lastClass(doing, draft)} dir="auto">
          {last}
        </span>
        <span className="visually-hidden">, </span>
        <span className="chat-row-time">
          {muted && <Icon name="mute" />}
          {pinned && <Icon name="pin" />}
          {time}
        </span>
        {unread > 0 && (
          <span className="badge" aria-hidden="true">
            {unread > 999 ? '999+' : unread}
          </span>
        )}
        {unread === 0 && conversation.marked_unread && <span className="badge badge-dot" aria-hidden="true" />}
      </a>
      <Menu
        name={t.chatActions(name)}
        className="chat-menu"
        tabIndex={props.tabStop ? 0 : -1}
        items={() => props.actions(conversation)}
      />
    </li>
  )
}

function lastClass(doing: string, draft: string): string {
  if (doing !== '') return 'chat-row-last doing'
  return draft === '' ? 'chat-row-last' : 'chat-row-last chat-row-draft'
}

function lastMessage(conversation: Conversation, t: Catalogue): string {
  const { last_message_text: text, last_message_type: type, last_message_from_me: fromMe } = conversation
  if (type === null && text === null) return ''
  const kind = type !== null && Object.hasOwn(t.kinds, type) ? t.kinds[type as keyof Catalogue['kinds']] : t.kinds.text
  const words = text ? visibleText(parseWhatsAppText(text.slice(0, 300))).replace(/\s+/g, ' ') : kind
  return fromMe ? `${t.you}: ${words}` : words
}
