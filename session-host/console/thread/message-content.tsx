import type { ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { Icon, type IconName } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { ContactCards } from './contact-cards.tsx'
import { FormattedText } from './formatted-text.tsx'
import { MediaContent } from './media-content.tsx'
import { PlaceCard } from './place-card.tsx'
import { PollCard } from './poll-card.tsx'
import { PreviewCard } from './preview-card.tsx'

/** What a message says: its medium or card, then its text. Whatever it holds is shown as text, never as markup. */
export function MessageContent({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const { content } = message
  if (message.revoked_at) return <p className="body faint">{t.deleted}</p>
  if (content.view_once)
    return (
      <p className="kind faint">
        <Icon name="eye" />
        {t.viewOnce}
      </p>
    )
  const text = message.text_content ?? ''
  return (
    <>
      <Special message={message} />
      {content.preview && <PreviewCard preview={content.preview} />}
      {text !== '' && !ownWords(message) && (
        <div className="body" dir="auto">
          <FormattedText text={text} />
        </div>
      )}
      {content.event && <PlannedEvent event={content.event} />}
      {content.choices && (
        <ul className="choices">
          {content.choices.options.map((option, index) => (
            <li key={index} dir="auto">
              {option.text}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** Kinds whose card shows the text already. */
function ownWords({ message_type: type, content }: Message): boolean {
  switch (type) {
    case 'contact':
      return content.contacts !== undefined
    case 'poll':
      return content.poll !== undefined
    case 'location':
      return content.location !== undefined
    default:
      return false
  }
}

function Special({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const { content, message_type: type } = message
  if (message.media_status !== null) return <MediaContent message={message} />
  if (content.location) return <PlaceCard place={content.location} />
  if (content.contacts) return <ContactCards cards={content.contacts} />
  if (content.poll) return <PollCard message={message} poll={content.poll} />
  if (type === 'text') return null
  const waits = content.unsupported?.type === 'ciphertext'
  return (
    <p className={type === 'unsupported' ? 'kind faint' : 'kind'}>
      <Icon name={kindIcons[type] ?? 'document'} />
      {waits ? t.undecrypted : t.kinds[type]}
    </p>
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

function PlannedEvent({ event }: { event: NonNullable<Message['content']['event']> }): ReactNode {
  const { t, language } = useLanguage()
  const starts = event.starts_at ? new Date(event.starts_at) : null
  return (
    <dl className="card" dir="auto">
      <dt>{event.cancelled ? t.eventCancelled : t.event}</dt>
      <dd>{event.name}</dd>
      {starts && !Number.isNaN(starts.getTime()) && (
        <dd>{starts.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' })}</dd>
      )}
      {event.place && <dd>{event.place}</dd>}
    </dl>
  )
}
