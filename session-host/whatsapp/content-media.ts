import type { proto } from '@whiskeysockets/baileys'
import type { MessageContent } from '#shared/content.ts'
import type { InboundMedia } from '#shared/inbound.ts'
import type { MessageType } from '#shared/message.ts'
import { clip, numberOf } from './content-parts.ts'

export type MediaKind =
  | 'imageMessage'
  | 'videoMessage'
  | 'ptvMessage'
  | 'audioMessage'
  | 'documentMessage'
  | 'stickerMessage'

interface DescribedMedia {
  type: MessageType
  text?: string | null | undefined
  content: MessageContent
  media: InboundMedia
}

/** What a message with a medium says of it. The file's own facts are what its sender claims, until it is fetched. Pure. */
export function readMedia(content: proto.IMessage, kind: MediaKind): DescribedMedia {
  const facts: Facts = content[kind] ?? {}
  const described = describe(content, kind, factsOf(facts))
  return { ...described, content: { ...described.content, ...thumbnailOf(facts) } }
}

function describe(content: proto.IMessage, kind: MediaKind, media: InboundMedia): DescribedMedia {
  switch (kind) {
    case 'imageMessage':
      return { type: 'image', text: content.imageMessage?.caption, content: {}, media }
    case 'videoMessage':
      return {
        type: 'video',
        text: content.videoMessage?.caption,
        content: content.videoMessage?.gifPlayback ? { gif: true } : {},
        media,
      }
    case 'ptvMessage':
      return { type: 'video', text: content.ptvMessage?.caption, content: { video_note: true }, media }
    case 'audioMessage':
      return { type: 'audio', content: content.audioMessage?.ptt ? { voice_note: true } : {}, media }
    case 'documentMessage': {
      const document = content.documentMessage
      return { type: 'document', text: document?.caption ?? document?.fileName, content: {}, media }
    }
    case 'stickerMessage': {
      const moves = content.stickerMessage?.isAnimated || content.stickerMessage?.isLottie
      return { type: 'sticker', content: moves ? { animated: true } : {}, media }
    }
    default:
      return kind satisfies never
  }
}

/** The fields that messages with media share, as far as a kind has them. */
interface Facts {
  mimetype?: string | null
  fileLength?: number | { toString(): string } | null
  fileSha256?: Uint8Array | null
  seconds?: number | null
  width?: number | null
  height?: number | null
  fileName?: string | null
  waveform?: Uint8Array | null
  jpegThumbnail?: Uint8Array | null
}

/** Longest base64 of a thumbnail; phones' own are a few KB. */
const maxThumbnail = 32_768

/** The small picture that came along, if it is a JPEG by its first bytes. */
function thumbnailOf({ jpegThumbnail }: Facts): Pick<MessageContent, 'thumbnail'> {
  const thumbnail = Buffer.from(jpegThumbnail ?? []).toString('base64')
  return thumbnail.startsWith('/9j/') && thumbnail.length <= maxThumbnail ? { thumbnail } : {}
}

function factsOf(facts: Facts): InboundMedia {
  const sizeBytes = numberOf(facts.fileLength)
  const mimeType = facts.mimetype?.split(';')[0]?.trim().toLowerCase()
  return {
    ...(mimeType ? { mimeType } : {}),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(facts.fileSha256?.length === 32 ? { sha256: Buffer.from(facts.fileSha256).toString('hex') } : {}),
    ...(facts.seconds ? { durationSeconds: facts.seconds } : {}),
    ...(facts.width && facts.height ? { width: facts.width, height: facts.height } : {}),
    ...(facts.fileName ? { fileName: clip(facts.fileName, 255) } : {}),
    ...(facts.waveform?.length ? { waveform: [...facts.waveform] } : {}),
  }
}
