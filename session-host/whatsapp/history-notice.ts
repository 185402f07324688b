import { deflateSync } from 'node:zlib'
import { normalizeMessageContent, proto, unpadRandomMax16, type WAMessage } from '@whiskeysockets/baileys'
import { stanzaKeyOf, stanzaKeyOfMessage } from './stanza-key.ts'

/** What a chunk of history holds: the newest of each chat, the last months, everything, names, or older messages that were asked for. */
export type SyncType = 'initial' | 'recent' | 'full' | 'push_names' | 'on_demand' | 'other'

/** The phone's announcement of a chunk of history. */
export interface HistoryNotice {
  /** Inbox row that it came in. */
  stanzaKey: string
  /** WhatsApp's id of the announcing message. */
  waId: string
  syncType: SyncType
  chunkOrder: number | null
  /** Percent of its kind that is sent with it. */
  progress: number | null
  /** Id of the request that it answers. */
  requestId: string | null
  /** WAProto HistorySyncNotification: where the chunk is and its key, or the chunk itself. */
  bytes: Buffer
}

const { HistorySyncType } = proto.HistorySync

/**
 * Takes an announced chunk out of a decrypted message to the device. `rest` is what Baileys gets instead: the same announcement of an
 * empty chunk, so that it answers the phone, remembers the announcement and fetches the app state as ever, but neither downloads nor
 * decodes on the main thread (process-message.js would, with the whole chunk in memory). Null for every other message.
 */
export function takeHistory(
  attrs: Record<string, string>,
  plaintext: Uint8Array,
): { notice: HistoryNotice; rest: Buffer } | null {
  if (attrs['category'] !== 'peer') return null
  const message = decode(plaintext)
  const notification = notificationOf(message)
  if (!message || !notification) return null
  const notice = noticeOf(notification, stanzaKeyOf(attrs), attrs['id'] ?? '')
  hollow(message)
  // One byte of padding, as any sender may choose.
  return { notice, rest: Buffer.concat([proto.Message.encode(message).finish(), Buffer.from([1])]) }
}

/** The same for a message out of the inbox, which is changed in place. */
export function takeHistoryOfMessage(message: WAMessage): HistoryNotice | null {
  const notification = notificationOf(message.message)
  if (!notification || !message.message) return null
  const notice = noticeOf(notification, stanzaKeyOfMessage(message), message.key.id ?? '')
  hollow(message.message)
  return notice
}

/** Null for what can't be read: Baileys will say so. */
function decode(plaintext: Uint8Array): proto.Message | null {
  try {
    return proto.Message.decode(unpadRandomMax16(plaintext))
  } catch {
    return null
  }
}

function notificationOf(message: proto.IMessage | null | undefined): proto.Message.IHistorySyncNotification | null {
  return normalizeMessageContent(message)?.protocolMessage?.historySyncNotification ?? null
}

function noticeOf(
  notification: proto.Message.IHistorySyncNotification,
  stanzaKey: string,
  waId: string,
): HistoryNotice {
  const { chunkOrder, progress, peerDataRequestSessionId } = notification
  return {
    stanzaKey,
    waId,
    syncType: syncTypeOf(notification.syncType),
    chunkOrder: chunkOrder ?? null,
    progress: typeof progress === 'number' ? Math.min(100, Math.max(0, progress)) : null,
    requestId: peerDataRequestSessionId?.slice(0, 128) ?? null,
    bytes: Buffer.from(proto.Message.HistorySyncNotification.encode(notification).finish()),
  }
}

function hollow(message: proto.IMessage): void {
  const protocol = normalizeMessageContent(message)?.protocolMessage
  const notification = protocol?.historySyncNotification
  if (!protocol || !notification) return
  const { syncType, chunkOrder, progress, peerDataRequestSessionId } = notification
  const empty = proto.HistorySync.encode({ syncType: syncType as number as proto.HistorySync.HistorySyncType }).finish()
  protocol.historySyncNotification = {
    ...(syncType === null || syncType === undefined ? {} : { syncType }),
    ...(typeof chunkOrder === 'number' ? { chunkOrder } : {}),
    ...(typeof progress === 'number' ? { progress } : {}),
    ...(peerDataRequestSessionId ? { peerDataRequestSessionId } : {}),
    initialHistBootstrapInlinePayload: deflateSync(empty),
  }
}

/** The store's name of a kind of chunk. */
export function syncTypeOf(type: number | null | undefined): SyncType {
  switch (type) {
    case HistorySyncType.INITIAL_BOOTSTRAP:
      return 'initial'
    case HistorySyncType.RECENT:
      return 'recent'
    case HistorySyncType.FULL:
      return 'full'
    case HistorySyncType.PUSH_NAME:
      return 'push_names'
    case HistorySyncType.ON_DEMAND:
      return 'on_demand'
    default:
      return 'other'
  }
}
