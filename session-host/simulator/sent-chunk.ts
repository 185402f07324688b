import type { proto } from '@whiskeysockets/baileys/WAProto/index.js'

/** A chunk of history as a phone has sent it, for when it is asked for it again. */
export interface SentChunk {
  /** zlib of the WAProto HistorySync. */
  encoded: Buffer
  /** As a file, not inside the notification. */
  external: boolean
  facts: proto.Message.IHistorySyncNotification
}
