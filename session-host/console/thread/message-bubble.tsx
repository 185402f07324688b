import type { ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { Icon } from '../icon.tsx'
import { timeOf } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import type { Catalogue } from '../language/catalogue-es.ts'
import { useParts } from '../parts.ts'
import { FormattedText } from './formatted-text.tsx'
import { MessageContent } from './message-content.tsx'
import { MessageMenu } from './message-menu.tsx'
import { noticeSentence } from './notice-sentence.ts'
import type { OutgoingMessage } from './outbox.ts'
import { Quoted } from './quoted.tsx'
import { Reactions } from './reactions.tsx'
import type { ThreadRow } from './thread-rows.ts'
import { Ticks } from './ticks.tsx'

/** A message: who, what, when and how far it has come. */
export function MessageBubble(props: {
  row: ThreadRow
  contactName: string
  isGroup: boolean
  quoted: Message | undefined
  nameOf: (jid: string) => string
  onJump: (message: Message) => void
}): ReactNode {
  const { t, language } = useLanguage()
  const { row, contactName } = props
  const { message, outgoing } = row
  const authorOf = (of: Message): string =>
    of.from_me ? t.you : props.isGroup && of.sender_jid ? props.nameOf(of.sender_jid) : contactName
  const sender = message ? authorOf(message) : t.you
  const status = outgoing ? (outgoing.state === 'failed' ? 'failed' : 'pending') : (message?.status ?? 'pending')
  const classes = [
    'bubble',
    row.fromMe ? 'mine' : 'theirs',
    row.endsGroup ? 'tail' : '',
    status === 'failed' ? 'failed' : '',
  ]
  if (message?.sender_type === 'system')
    return (
      <div className="notice-row">
        <span id={`by-${row.key}`} dir="auto">
          {noticeSentence(message, t, props.nameOf)}
        </span>
        <time id={`at-${row.key}`} className="visually-hidden" dateTime={row.at.toISOString()}>
          {timeOf(row.at, language)}
        </time>
      </div>
    )
  return (
    <>
      <div className={classes.join(' ')}>
        <span
          id={`by-${row.key}`}
          className={props.isGroup && !row.fromMe && row.startsGroup ? 'sender' : 'visually-hidden'}
        >
          <bdi>{sender}</bdi>
        </span>
        {message?.content.forwarded !== undefined && !message.revoked_at && (
          <p className="forwarded">{message.content.forwarded >= manyTimes ? t.forwardedMany : t.forwarded}</p>
        )}
        {message && !message.revoked_at && (
          <Quoted message={props.quoted} quote={message.content.quote} nameOf={authorOf} onJump={props.onJump} />
        )}
        {message ? (
          <MessageContent message={message} />
        ) : (
          outgoing && <OutgoingContent outgoing={outgoing} nameOf={authorOf} />
        )}
        <span className="meta" id={`at-${row.key}`}>
          {message?.edited_at && !message.revoked_at && <span>{t.edited}</span>}
          <time dateTime={row.at.toISOString()}>{timeOf(row.at, language)}</time>
          {row.fromMe && <Ticks status={status} />}
        </span>
        {message && <Reactions message={message} />}
        {outgoing?.state === 'failed' && <FailedOutgoing outgoing={outgoing} />}
        {message?.status === 'failed' && <FailedMessage message={message} />}
      </div>
      {message && <MessageMenu message={message} />}
    </>
  )
}

/** From this many times on WhatsApp says so. */
const manyTimes = 4

/** What is still on its way to the server. */
function OutgoingContent(props: { outgoing: OutgoingMessage; nameOf: (message: Message) => string }): ReactNode {
  const { t } = useLanguage()
  const { text, replyTo, attachments } = props.outgoing
  return (
    <>
      {replyTo && <Quoted message={replyTo} quote={undefined} nameOf={props.nameOf} onJump={() => undefined} />}
      {attachments.length > 0 && (
        <p className="file">
          <Icon name="document" />
          <bdi>{attachments.map(({ fileName }) => fileName ?? t.kinds.document).join(', ')}</bdi>
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
  const { error_code: code } = message
  const text = message.message_type === 'text' ? message.text_content : null
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
