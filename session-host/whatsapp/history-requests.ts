import { proto, type WASocket } from '@whiskeysockets/baileys'
import type { HistoryNotice } from './history-notice.ts'

/** The oldest message that is known of a chat. */
export interface OldestMessage {
  /** JID that the chat is addressed by. */
  chat: string
  waId: string
  fromMe: boolean
  /** Epoch seconds. */
  at: number
}

/** What the account's phone can be asked for. */
export interface HistoryRequests {
  /** Asks for up to `count` messages older than the oldest known. Answers the id that the chunk will name as its request. */
  requestOlder(oldest: OldestMessage, count: number): Promise<string>
  /** Asks for a chunk anew, whose file can't be had any more. */
  requestChunk(notice: Pick<HistoryNotice, 'bytes' | 'waId'>): Promise<void>
}

/** @see HistoryRequests */
export function createHistoryRequests(socket: WASocket): HistoryRequests {
  return {
    requestOlder: ({ chat, waId, fromMe, at }, count) =>
      // Baileys' time is in ms (messages-recv.js fetchMessageHistory: oldestMsgTimestampMs).
      socket.fetchMessageHistory(count, { remoteJid: chat, id: waId, fromMe }, at * 1_000),
    async requestChunk({ bytes, waId }) {
      const { syncType, chunkOrder } = proto.Message.HistorySyncNotification.decode(bytes)
      await socket.sendPeerDataOperationMessage({
        peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.HISTORY_SYNC_CHUNK_RETRY,
        historySyncChunkRetryRequest: {
          ...(typeof syncType === 'number' ? { syncType } : {}),
          ...(typeof chunkOrder === 'number' ? { chunkOrder } : {}),
          chunkNotificationId: waId,
          regenerateChunk: true,
        },
      })
    },
  }
}
