import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { storeMedia, type MediaPurpose, type MediaReference } from './media-store.ts'
import type { World } from './world.ts'

/** The kinds of media that a phone sends. */
export const MEDIA_KINDS = ['image', 'video', 'gif', 'ptv', 'audio', 'voice', 'document', 'sticker'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

/** What is wrong with a file that a phone sends. */
export const MEDIA_TROUBLES = [
  'expired',
  'gone',
  'wrong_digest',
  'wrong_mac',
  'wrong_size',
  'truncated',
  'slow',
] as const
export type MediaTrouble = (typeof MEDIA_TROUBLES)[number]

/** A file with what a message says of it. */
export interface MediaToSend {
  kind: MediaKind
  file: Buffer
  mime: string
  caption?: string
  fileName?: string
  seconds?: number
  width?: number
  height?: number
  waveform?: Buffer
  thumbnail?: Buffer
  trouble?: MediaTrouble
  /** SHA-256 of another file, which the message says that this one is. */
  claims?: Buffer
}

/** Uploads a file as a phone does and gives the message that refers to it. */
export function mediaContent(world: World, media: MediaToSend): { content: Buffer; reference: MediaReference } {
  const reference = storeMedia(world, PURPOSES[media.kind], media.file)
  spoil(world, reference, media.trouble)
  world.phoneFiles.set(reference.mediaKey.toString('hex'), media.file)
  const common = {
    ...reference,
    ...(media.trouble === 'wrong_size' && { fileLength: reference.fileLength + 1 }),
    ...(media.trouble === 'wrong_digest' && { fileSha256: Buffer.alloc(32, 7) }),
    ...(media.claims && { fileSha256: media.claims }),
    url: `https://${world.mediaHost()}${reference.directPath}`,
    mimetype: media.mime,
    mediaKeyTimestamp: Math.floor(Date.now() / 1000),
  }
  const size = { ...(media.width && { width: media.width }), ...(media.height && { height: media.height }) }
  const shown = {
    ...size,
    ...(media.caption && { caption: media.caption }),
    ...(media.thumbnail && { jpegThumbnail: media.thumbnail }),
  }
  const length = { ...(media.seconds !== undefined && { seconds: media.seconds }) }
  const message = ((): proto.IMessage => {
    switch (media.kind) {
      case 'image':
        return { imageMessage: { ...common, ...shown } }
      case 'video':
        return { videoMessage: { ...common, ...shown, ...length } }
      case 'gif':
        return { videoMessage: { ...common, ...shown, ...length, gifPlayback: true } }
      case 'ptv':
        return { ptvMessage: { ...common, ...shown, ...length } }
      case 'audio':
        return { audioMessage: { ...common, ...length, ptt: false } }
      case 'voice':
        return {
          audioMessage: { ...common, ...length, ptt: true, ...(media.waveform && { waveform: media.waveform }) },
        }
      case 'sticker':
        return { stickerMessage: { ...common, ...size } }
      case 'document': {
        const { jpegThumbnail } = shown
        const documentMessage = {
          ...common,
          ...(media.fileName && { fileName: media.fileName, title: media.fileName }),
          ...(media.caption && { caption: media.caption }),
          ...(jpegThumbnail && { jpegThumbnail }),
        }
        return media.caption ? { documentWithCaptionMessage: { message: { documentMessage } } } : { documentMessage }
      }
      default:
        return media.kind satisfies never
    }
  })()
  return { content: Buffer.from(proto.Message.encode(message).finish()), reference }
}

/** The medium that a message refers to, whatever its kind. */
export function mediaIn(
  content: Uint8Array,
): { kind: MediaKind; purpose: MediaPurpose; fields: MediaFields } | undefined {
  const message = proto.Message.decode(content)
  const kinds: [MediaKind, MediaFields | null | undefined][] = [
    ['image', message.imageMessage],
    [message.videoMessage?.gifPlayback ? 'gif' : 'video', message.videoMessage],
    ['ptv', message.ptvMessage],
    [message.audioMessage?.ptt ? 'voice' : 'audio', message.audioMessage],
    ['document', message.documentMessage ?? message.documentWithCaptionMessage?.message?.documentMessage],
    ['sticker', message.stickerMessage],
  ]
  for (const [kind, fields] of kinds) if (fields) return { kind, purpose: PURPOSES[kind], fields }
  return undefined
}

/** The fields that messages with media have in common; those of only some kinds may be missing. */
export interface MediaFields {
  mediaKey?: Uint8Array | null
  directPath?: string | null
  fileSha256?: Uint8Array | null
  fileEncSha256?: Uint8Array | null
  fileLength?: unknown
  mimetype?: string | null
  fileName?: string | null
  seconds?: number | null
  width?: number | null
  height?: number | null
  waveform?: Uint8Array | null
  jpegThumbnail?: Uint8Array | null
}

const PURPOSES: Record<MediaKind, MediaPurpose> = {
  image: 'Image',
  video: 'Video',
  gif: 'Video',
  ptv: 'Video',
  audio: 'Audio',
  voice: 'Audio',
  document: 'Document',
  sticker: 'Image',
}

function spoil(world: World, { directPath }: MediaReference, trouble: MediaTrouble | undefined): void {
  const file = world.media.get(directPath)
  if (!file || !trouble) return
  if (trouble === 'expired') world.media.delete(directPath)
  if (trouble === 'gone') world.mediaTrouble.set(directPath, 'gone')
  if (trouble === 'slow' || trouble === 'truncated') world.mediaTrouble.set(directPath, trouble)
  // The last byte is one of the MAC.
  if (trouble === 'wrong_mac')
    world.media.set(directPath, Buffer.concat([file.subarray(0, -1), Buffer.from([(file.at(-1) ?? 0) ^ 1])]))
}
