import type { Readable } from 'node:stream'
import { prepareWAMessageMedia, proto, type AnyMediaMessageContent, type WASocket } from '@whiskeysockets/baileys'

/** A file that is to be sent. */
export interface FileToSend {
  kind: 'image' | 'video' | 'gif' | 'video_note' | 'audio' | 'voice' | 'document' | 'sticker'
  content: Readable
  mimeType: string
  caption: string | null
  fileName: string | null
  seconds: number | null
  width: number | null
  height: number | null
  waveform: number[] | null
  thumbnail: Buffer | null
}

export interface MediaMessaging {
  /**
   * Encrypts a file and uploads it, and answers the message that refers to it: a proto.Message, encoded. The file goes through a temporary
   * file, encrypted, whose key is in memory only; so neither is ever in memory as a whole.
   */
  uploadFile(file: FileToSend): Promise<Uint8Array>
}

/** An upload is given up when WhatsApp's media host takes nothing for so long, in ms. */
const uploadIdleMs = 60_000

/** @see MediaMessaging */
export function createMediaMessaging(socket: WASocket): MediaMessaging {
  return {
    async uploadFile(file) {
      const message = await prepareWAMessageMedia(contentOf(file), {
        upload: socket.waUploadToServer,
        mediaUploadTimeoutMs: uploadIdleMs,
      })
      return proto.Message.encode(message).finish()
    },
  }
}

/** As Baileys takes it. What it would find out by itself it would do with the file on the disk, or with programs that are not here. */
function contentOf(file: FileToSend): AnyMediaMessageContent {
  const media = { stream: file.content }
  const size = file.width && file.height ? { width: file.width, height: file.height } : {}
  const shown = { mimetype: file.mimeType, ...(file.caption ? { caption: file.caption } : {}), ...size }
  // null says that there is none; undefined would have one made. Baileys' types know only base64, its code takes bytes.
  const jpegThumbnail = file.thumbnail?.toString('base64') ?? (null as unknown as string)
  const seconds = Math.round(file.seconds ?? 0)
  switch (file.kind) {
    case 'image':
      return { image: media, ...shown, jpegThumbnail }
    case 'video':
      return { video: media, ...shown, jpegThumbnail }
    case 'gif':
      return { video: media, ...shown, jpegThumbnail, gifPlayback: true }
    case 'video_note':
      return { video: media, ...shown, jpegThumbnail, ptv: true }
    case 'audio':
      return { audio: media, mimetype: file.mimeType, seconds }
    case 'voice':
      return {
        audio: media,
        mimetype: file.mimeType,
        seconds,
        ptt: true,
        ...(file.waveform ? { waveform: Uint8Array.from(file.waveform) } : {}),
      }
    case 'sticker':
      return { sticker: media, ...size, mimetype: file.mimeType }
    case 'document':
      return {
        document: media,
        mimetype: file.mimeType,
        fileName: file.fileName ?? 'file',
        ...(file.caption ? { caption: file.caption } : {}),
      }
    default:
      return file.kind satisfies never
  }
}
