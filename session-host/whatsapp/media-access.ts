import {
  decryptMediaRetryData,
  encryptMediaRetryRequest,
  getContentType,
  normalizeMessageContent,
  proto,
  type BaileysEventMap,
  type WASocket,
} from '@whiskeysockets/baileys'

/** What a message says of the file that it refers to. */
export interface MediaSource {
  /** What the file's keys are derived for. */
  purpose: 'Image' | 'Video' | 'Audio' | 'Document'
  mediaKey: Uint8Array
  directPath: string
  fileSha256: Uint8Array
  fileEncSha256: Uint8Array | null
}

/** A phone's answer to a request for a file that is gone from the media host. */
export interface MediaAnswer {
  waId: string
  /** Opens the answer with the file's key: its new path, or null when the phone does not have it either. Throws when it is not about this file. */
  open(mediaKey: Uint8Array): string | null
}

/** What has to do with files, beside sending them. */
export interface MediaAccess {
  mediaHosts(): Promise<string[]>
  readSource(message: Uint8Array): MediaSource | null
  askForMedia(
    message: { chat: string; waId: string; fromMe: boolean; sender: string | null },
    mediaKey: Uint8Array,
  ): Promise<void>
}

/** @see MediaAccess */
export function createMediaAccess(socket: WASocket): MediaAccess {
  return {
    async mediaHosts() {
      const { hosts } = await socket.refreshMediaConn(false)
      return hosts.map(({ hostname }) => hostname)
    },
    readSource: readMediaSource,
    async askForMedia({ chat, waId, fromMe, sender }, mediaKey) {
      const key = { remoteJid: chat, id: waId, fromMe, ...(sender ? { participant: sender } : {}) }
      await socket.sendNode(encryptMediaRetryRequest(key, mediaKey, socket.user?.id ?? ''))
    },
  }
}

/** What an encoded proto.Message says of its file; null for one without. Pure. */
export function readMediaSource(encoded: Uint8Array): MediaSource | null {
  const content = normalizeMessageContent(proto.Message.decode(encoded))
  const kind = getContentType(content)
  const purpose = kind && purposes[kind]
  if (!content || !kind || !purpose) return null
  const { mediaKey, directPath, fileSha256, fileEncSha256 } = content[kind] as proto.Message.IImageMessage
  if (mediaKey?.length !== 32 || !directPath || fileSha256?.length !== 32) return null
  return { purpose, mediaKey, directPath, fileSha256, fileEncSha256: fileEncSha256?.length ? fileEncSha256 : null }
}

/** A file's purpose by the field of the message (Baileys `MEDIA_HKDF_KEY_MAPPING`). */
const purposes: Partial<Record<keyof proto.IMessage, MediaSource['purpose']>> = {
  imageMessage: 'Image',
  stickerMessage: 'Image',
  videoMessage: 'Video',
  ptvMessage: 'Video',
  audioMessage: 'Audio',
  documentMessage: 'Document',
}

/** Answers of the phone as Baileys emits them. */
export function readMediaAnswers(events: Partial<BaileysEventMap>): MediaAnswer[] {
  return (events['messages.media-update'] ?? []).flatMap(({ key, media, error }) => {
    const waId = key.id
    if (!waId) return []
    return [
      {
        waId,
        open(mediaKey: Uint8Array) {
          if (!media) {
            // 412 says that the phone could not read the request, and so nothing of the file.
            if (error?.output.statusCode === 412) throw new Error('the phone could not read the request')
            return null
          }
          const answer = decryptMediaRetryData(media, mediaKey, waId)
          if (answer.stanzaId !== waId) throw new Error('an answer about another message')
          return answer.result === proto.MediaRetryNotification.ResultType.SUCCESS && answer.directPath
            ? answer.directPath
            : null
        },
      },
    ]
  })
}
