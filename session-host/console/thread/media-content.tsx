import { useMutation } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { useSecondsOf } from '../chats/use-now.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { useParts } from '../parts.ts'
import { fileSize } from './file-size.ts'
import { PictureViewer } from './picture-viewer.tsx'
import { useMediaUrl } from './use-media-url.ts'
import { VoicePlayer } from './voice-player.tsx'

/** The medium of a message, in a box that has its size before the file is there. A medium that failed never hides its message. */
export function MediaContent({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const { message_type: type, media_status: status } = message
  const { url, renew } = useMediaUrl(message)
  if (status === 'failed' || status === 'expired' || status === 'erased')
    return (
      <>
        {message.content.thumbnail && (
          <div className="medium" style={boxOf(message)}>
            <Thumbnail message={message} />
          </div>
        )}
        <p className="kind faint">
          <Icon name="alert" />
          {t.kinds[type]}: {t.mediaTrouble[status]}
          {status !== 'erased' && !message.from_me && <FetchMedia message={message} />}
        </p>
      </>
    )
  switch (type) {
    case 'image':
    case 'sticker':
      return <Picture message={message} url={url} onBroken={renew} />
    case 'video':
      return (
        <div className="medium" style={boxOf(message)}>
          {url ? (
            <video
              src={url}
              aria-label={t.kinds.video}
              controls={!message.content.gif}
              loop={message.content.gif ?? false}
              muted={message.content.gif ?? false}
              autoPlay={(message.content.gif ?? false) && !matchMedia('(prefers-reduced-motion: reduce)').matches}
              playsInline
              preload="metadata"
              onError={renew}
            />
          ) : (
            <Preview message={message} />
          )}
        </div>
      )
    case 'audio':
      return (
        <>
          <VoicePlayer message={message} url={url} onBroken={renew} />
          {status === 'pending' && <Waiting message={message} />}
        </>
      )
    default:
      return <FileCard message={message} url={url} />
  }
}

function Picture(props: { message: Message; url: string | null; onBroken: () => void }): ReactNode {
  const { t } = useLanguage()
  const [large, setLarge] = useState(false)
  const { message, url } = props
  const name = message.message_type === 'sticker' ? t.kinds.sticker : (message.text_content ?? t.kinds.image)
  const sticker = message.message_type === 'sticker'
  return (
    <>
      <div className={sticker ? 'medium sticker' : 'medium'} style={boxOf(message)}>
        {url === null ? (
          <Preview message={message} />
        ) : sticker ? (
          <img src={url} alt={name} loading="lazy" onError={props.onBroken} />
        ) : (
          <button type="button" className="picture" aria-label={t.openPicture(name)} onClick={() => setLarge(true)}>
            <img src={url} alt="" loading="lazy" onError={props.onBroken} />
          </button>
        )}
      </div>
      {large && url !== null && <PictureViewer url={url} name={name} onClose={() => setLarge(false)} />}
    </>
  )
}

function FileCard({ message, url }: { message: Message; url: string | null }): ReactNode {
  const { t, language } = useLanguage()
  const size = message.media_size_bytes === null ? '' : fileSize(message.media_size_bytes, language)
  const name = message.media_file_name ?? t.kinds.document
  const facts = (
    <span>
      <bdi>{name}</bdi>
      <small>{[message.media_mime_type?.split('/')[1]?.toUpperCase(), size].filter(Boolean).join(' · ')}</small>
    </span>
  )
  if (url === null)
    return (
      <p className="file">
        <Icon name="document" />
        {facts}
        {message.media_status === 'pending' && <Waiting message={message} />}
      </p>
    )
  const target = new URL(url)
  target.searchParams.set('download', name)
  return (
    <a className="file" href={target.href} rel="noopener noreferrer" download={name}>
      <Icon name="document" />
      {facts}
      <span className="visually-hidden">{t.download}</span>
    </a>
  )
}

/** What is known of a picture or film before its file is here: the small picture that came with the message, blurred as it is. */
function Preview({ message }: { message: Message }): ReactNode {
  return (
    <>
      <Thumbnail message={message} />
      <Waiting message={message} />
    </>
  )
}

function Thumbnail({ message }: { message: Message }): ReactNode {
  const { thumbnail } = message.content
  return thumbnail && <img className="thumbnail" src={`data:image/jpeg;base64,${thumbnail}`} alt="" />
}

/** A new medium comes by itself; an older one when it is asked for. */
function Waiting({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const now = useSecondsOf(10)
  const lazy = message.media_status === 'pending' && now.getTime() - Date.parse(message.created_at) > eagerMs
  return lazy && !message.from_me ? <FetchMedia message={message} /> : <span className="waiting">{t.mediaPending}</span>
}

const eagerMs = 30_000

/** Asks for a medium that is not here; the event of the message tells when it is. */
function FetchMedia({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const { rest } = useParts()
  const fetching = useMutation({ mutationFn: () => rest.requestMedia(message.id) })
  if (fetching.isSuccess && message.media_status === 'pending')
    return <span className="waiting">{t.fetchingMedia}</span>
  return (
    <span className="fetch-media">
      <button
        type="button"
        className="secondary"
        aria-disabled={fetching.isPending}
        onClick={() => fetching.isPending || fetching.mutate()}
      >
        <Icon name="download" />
        {t.fetchMedia}
      </button>
      {fetching.isError && <span role="alert">{errorSentence(fetching.error, t)}</span>}
    </span>
  )
}

const widest = 320
const tallest = 360

/** The size that the medium will have, from what the message says of it; a plain box when it says nothing. */
function boxOf({ media_width: width, media_height: height, message_type: type }: Message): {
  inlineSize: string
  aspectRatio: string
} {
  const limit = type === 'sticker' ? 160 : widest
  if (width === null || height === null)
    return { inlineSize: `${limit}px`, aspectRatio: type === 'sticker' ? '1' : '4 / 3' }
  const shown = Math.max(120, Math.min(limit, width, (tallest * width) / height))
  return { inlineSize: `${Math.round(shown)}px`, aspectRatio: `${width} / ${height}` }
}
