import type { ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { phoneOf } from '#shared/ids.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { phoneFormat } from '../chats/conversation-name.ts'
import { Icon, type IconName } from '../icon.tsx'
import { timeOf } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import type { Catalogue } from '../language/catalogue-es.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { FormattedText } from './formatted-text.tsx'
import type { OutgoingMessage } from './outbox.ts'
import type { ThreadRow } from './thread-rows.ts'
import { Ticks } from './ticks.tsx'

/** A message: who, what, when and how far it has come. */
export function MessageBubble(props: {
  row: ThreadRow
  contactName: string
  isGroup: boolean
  quoted: Message | undefined
}): ReactNode {
  const { t, language } = useLanguage()
  const format = useObservable(phoneFormat)
  const { row, contactName, quoted } = props
  const { message, outgoing } = row
  const sender = row.fromMe ? t.you : props.isGroup ? memberName(message, contactName, format) : contactName
  const status = outgoing ? (outgoing.state === 'failed' ? 'failed' : 'pending') : (message?.status ?? 'pending')
  const classes = [
    'bubble',
    row.fromMe ? 'mine' : 'theirs',
    row.endsGroup ? 'tail' : '',
    status === 'failed' ? 'failed' : '',
  ]
  if (message?.sender_type === 'system')
    return <div className="notice-row">{message.text_content ?? t.kinds.notice}</div>
  return (
    <div className={classes.join(' ')}>
      <span
        id={`by-${row.key}`}
        className={props.isGroup && !row.fromMe && row.startsGroup ? 'sender' : 'visually-hidden'}
      >
        <bdi>{sender}</bdi>
      </span>
      {quoted && <Quoted message={quoted} contactName={contactName} />}
      <Content message={message} outgoing={outgoing} />
      <span className="meta" id={`at-${row.key}`}>
        {message?.edited_at && !message.revoked_at && <span>{t.edited}</span>}
        <time dateTime={row.at.toISOString()}>{timeOf(row.at, language)}</time>
        {row.fromMe && <Ticks status={status} />}
      </span>
      {outgoing?.state === 'failed' && <FailedOutgoing outgoing={outgoing} />}
      {message?.status === 'failed' && <FailedMessage message={message} />}
    </div>
  )
}

function memberName(message: Message | null, fallback: string, format: (digits: string) => string): string {
  const phone = phoneOf(message?.sender_jid)
  return phone === null ? fallback : format(phone)
}

function Content({ message, outgoing }: { message: Message | null; outgoing: OutgoingMessage | null }): ReactNode {
  const { t } = useLanguage()
  if (message?.revoked_at) return <p className="body faint">{t.deleted}</p>
  const text = outgoing?.text ?? message?.text_content ?? ''
  const type = message?.message_type ?? 'text'
  return (
    <>
      {type !== 'text' && (
        <p className={type === 'unsupported' ? 'kind faint' : 'kind'}>
          <Icon name={kindIcons[type] ?? 'document'} />
          {t.kinds[type]}
        </p>
      )}
      {text !== '' && (
        <div className="body" dir="auto">
          <FormattedText text={text} />
        </div>
      )}
    </>
  )
}

const kindIcons: Partial<Record<Message['message_type'], IconName>> = {
  image: 'image',
  sticker: 'image',
  audio: 'audio',
  video: 'video',
  location: 'location',
  contact: 'contact',
  poll: 'poll',
  unsupported: 'alert',
}

function Quoted({ message, contactName }: { message: Message; contactName: string }): ReactNode {
  const { t } = useLanguage()
  return (
    <div className="quoted" dir="auto">
      <span className="visually-hidden">{t.quoted} </span>
      <strong>{message.from_me ? t.you : contactName}</strong>
      <span>{message.revoked_at ? t.deleted : (message.text_content ?? t.kinds[message.message_type])}</span>
    </div>
  )
}

/** The server never accepted it: the same key is tried again, so it can't be sent twice. */
function FailedOutgoing({ outgoing }: { outgoing: OutgoingMessage }): ReactNode {
  const { t } = useLanguage()
  const { outbox } = useParts()
  return (
    <div className="failure">
      <p>{outgoing.error ? errorSentence(outgoing.error, t) : t.notSent}</p>
      <button type="button" className="link" onClick={() => outbox.retry(outgoing.key)}>
        {t.retry}
      </button>
      <button type="button" className="link" onClick={() => outbox.discard(outgoing.key)}>
        {t.discard}
      </button>
    </div>
  )
}

/** WhatsApp refused or never confirmed it: sending it again is a new message. */
function FailedMessage({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const { outbox } = useParts()
  const { error_code: code, text_content: text } = message
  return (
    <div className="failure">
      <p>
        {code !== null && Object.hasOwn(t.sendErrors, code)
          ? t.sendErrors[code as keyof Catalogue['sendErrors']]
          : t.notSent}
      </p>
      {text !== null && (
        <button type="button" className="link" onClick={() => outbox.send(message.conversation_id, text)}>
          {t.sendAgain}
        </button>
      )}
    </div>
  )
}
