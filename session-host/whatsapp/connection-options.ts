import type { WAMessage, WAVersion } from '@whiskeysockets/baileys'
import type { InboundBatch } from '#shared/inbound.ts'
import type { AuthState } from './auth-state.ts'
import type { ChatState } from './chat-state.ts'
import type { Close } from './close.ts'
import type { Directory } from './directory.ts'
import type { KnownGroup } from './group-directory.ts'
import type { GroupOperations } from './group-operations.ts'
import type { HistoryNotice } from './history-notice.ts'
import type { HistoryRequests } from './history-requests.ts'
import type { Inbox } from './inbox.ts'
import type { LivenessTiming } from './liveness.ts'
import type { Logger } from './logger.ts'
import type { MediaAccess, MediaAnswer } from './media-access.ts'
import type { Messaging } from './messaging.ts'
import type { Pairing } from './pairing.ts'
import type { PresenceDisplay, SeenPresence } from './presence.ts'
import type { Sent } from './rebuild.ts'
import type { RestrictionNews } from './restrictions.ts'
import type { RetryCounter } from './retry-counter.ts'
import type { Account } from './self.ts'
import type { MediaMessaging } from './send-media.ts'

/** What a connection tells its session. Calls come in order; nothing is persisted here. */
export interface ConnectionHandlers {
  /** A new QR to show; `validMs` is how long WhatsApp accepts it. */
  onQr(text: string, validMs: number): void
  /** A phone has confirmed the pairing; the credentials hold the account. WhatsApp asks for a restart next (515). */
  onPaired(account: Account): void
  onOpen(): void
  /** The end. Everything received before has been handed on. */
  onClose(close: Close): void
  /** Nothing could be made of a message; its plaintext, if there is one, is in this row of the inbox. */
  onUnreadable(inboxKey: string, error: unknown): void
  /** WhatsApp restricts the account, or no longer does. */
  onRestriction(news: RestrictionNews): void
  /** Resolves to whether the batch was stored; false when the session ends before. */
  onBatch(batch: InboundBatch): Promise<boolean>
  /** The phone has announced a chunk of history, and Baileys has done its part: it is ours to keep and to fetch. */
  onHistory(notice: HistoryNotice): void
  /** Somebody is online or types; out of order with the rest, and nothing to keep. */
  onPresence(seen: SeenPresence): void
  /** WhatsApp's server has taken a message, or refused it with an error code. */
  onAck(waId: string, error: string | undefined): void
  /** The phone has answered a request for a file. */
  onMediaAnswer(answer: MediaAnswer): void
}

export interface ConnectionOptions {
  auth: AuthState
  inbox: Inbox
  endpoint: string
  logger: Logger
  retries: RetryCounter
  /** What the account sent, by WhatsApp id: answers retry requests. */
  findSent: (waId: string) => Promise<Sent | null>
  /** A group's members, when all are known. */
  findGroup: (jid: string) => Promise<KnownGroup | null>
  /** Ask for all groups when it is open. */
  readGroups: boolean
  /** A connection that is neither open nor shows a QR by then is given up, in ms. */
  openTimeoutMs: number
  liveness: LivenessTiming
  /** The version of WhatsApp Web to log in as. */
  version: WAVersion
  handlers: ConnectionHandlers
}

/** One socket to WhatsApp. It lives once: after onClose make a new one. */
export interface Connection
  extends
    Messaging,
    GroupOperations,
    Directory,
    Pairing,
    MediaAccess,
    MediaMessaging,
    ChatState,
    PresenceDisplay,
    HistoryRequests {
  /** Refuses a call that rings. */
  rejectCall(callId: string, creator: string): Promise<void>
  /** Unlinks this device at WhatsApp. */
  logout(): Promise<void>
  /** Hands messages out of the inbox to Baileys, as if they came now. What comes of them, and that they are done, is reported as batches. */
  redeliver(messages: WAMessage[]): void
  /** Ends it, and resolves when everything that had arrived was handed on. */
  close(): Promise<void>
}
