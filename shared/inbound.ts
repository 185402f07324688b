import type { MessageContent } from './content.ts'
import type { MessageStatus, MessageType } from './message.ts'

/**
 * What WhatsApp told the host, normalised: one batch is one transaction of the store. Chats and people are named by JIDs in the form
 * of normalizeJid; `alt` is the other JID of the same person (number ↔ LID) when WhatsApp said so.
 */
export interface InboundBatch {
  people: InboundPerson[]
  chats: InboundChat[]
  messages: InboundMessage[]
  receipts: InboundReceipt[]
  /** WhatsApp's ids of own messages that its server has acknowledged. */
  acks?: string[]
  changes: InboundChange[]
  /** Calls that ring or end. */
  calls?: InboundCall[]
  /** What the account set on a chat or message, on any of its devices. */
  states: InboundState[]
  /** Inbox rows (stanza keys) that this batch accounts for. */
  inbox: string[]
  /** People who took another number. */
  numberChanges?: InboundNumberChange[]
  /** Whom the account has blocked. */
  blocks?: InboundBlocks
  /** Profile pictures of people and groups that are others now, or gone. */
  pictures?: { jid: string; removed: boolean }[]
  /** Set when the batch is a slice of a chunk of the phone's history. */
  history?: InboundHistory
  /** The account's own name, when it changed. */
  ownName?: string
}

/** A slice of a chunk of history: where it belongs. */
export interface InboundHistory {
  chunkId: string
  syncType: string
  /** Conversations of the chunk that are complete with this slice. */
  position: number
  isLast: boolean
  /** Parts of this slice that the database refuses; the rest of it is stored. */
  refused?: number
  /** Numbers and LIDs that are one person; people are made of those who have a chat or wrote something only. */
  pairs: { pn: string; lid: string }[]
}

/** A person, and what is known of them. Undefined leaves what is stored. */
export interface InboundPerson {
  jid: string
  alt?: string
  name?: string
  pushName?: string
  verifiedName?: string
}

/** A person's JIDs before and after they took another number; the LID may stay the same, or be unknown. */
export interface InboundNumberChange {
  before: { number: string; lid?: string }
  after: { number: string; lid?: string }
  /** Epoch seconds. */
  at: number
  /** WhatsApp's id of the notice. */
  id: string
}

export interface InboundBlocks {
  /** Everybody who is blocked; nobody else is. */
  complete?: string[]
  changed: { jid: string; blocked: boolean }[]
}

/** A chat of the phone's list. Undefined leaves what is stored. */
export interface InboundChat {
  jid: string
  alt?: string
  name?: string
  /** Absolute count. */
  unread?: number
  archived?: boolean
  /** After how many seconds new messages disappear; 0 for never. */
  disappearingSeconds?: number
  /** Epoch seconds since when it is pinned; null when it is not. */
  pinnedAt?: number | null
  /** Epoch ms until when it is muted, -1 for ever; null when it is not. */
  mutedUntil?: number | null
  /** Marked as unread by hand. */
  markedUnread?: boolean
  /** History only: epoch seconds of the newest message that the unread count knows of, and the ids of the others' messages of that second. */
  snapshotAt?: number
  snapshotIds?: string[]
  /** History only: whether the phone holds no older messages of it. */
  historyComplete?: boolean
  /** What is said of a group, beside its subject. */
  group?: InboundGroup
}

/** Facts of a group; undefined leaves what is stored. */
export interface InboundGroup {
  facts?: {
    owner_jid?: string
    description?: string | null
    /** ISO 8601. */
    created_on_whatsapp_at?: string
    only_admins_send?: boolean
    only_admins_edit?: boolean
    disappearing_seconds?: number | null
    parent_jid?: string
    /** ISO 8601; null: the account is in the group. */
    left_at?: string | null
  }
  /** The complete list. */
  participants?: GroupParticipant[]
  /** Some who came, got another role, or went (role null). */
  changed?: { jid: string; role: GroupParticipant['role'] | null }[]
}

export interface GroupParticipant {
  jid: string
  role: 'member' | 'admin' | 'superadmin'
}

export interface InboundMessage {
  chat: string
  chatAlt?: string
  waId: string
  fromMe: boolean
  /** Who wrote it, in a group. */
  sender?: string
  /** Epoch seconds. */
  at: number
  type: MessageType
  text: string | null
  /** What it says beside its text. */
  content?: MessageContent
  /** What is known of its medium. */
  media?: InboundMedia
  /** The message itself, a proto.Message encoded, where it is needed later: media, polls. Kept in private.message_protos. */
  proto?: Uint8Array
  /** Epoch seconds at which it disappears. */
  expiresAt?: number
  /** WhatsApp's name of a kind that is not represented; `ciphertext` for one that could not be decrypted yet. */
  unsupportedType?: string
  status: MessageStatus
  replyTo?: string
  pushName?: string
  /** Counts as unread and is announced; false for history. */
  live: boolean
  /** Inbox row that it came from, one of the batch's. */
  inboxKey?: string
}

/** A message's medium as WhatsApp announced it; the file itself is fetched later. */
export interface InboundMedia {
  /** Lower case, without parameters. */
  mimeType?: string
  /** Bytes of the file. */
  sizeBytes?: number
  /** SHA-256 of the file, hexadecimal. */
  sha256?: string
  durationSeconds?: number
  /** Pixels. */
  width?: number
  height?: number
  fileName?: string
  /** Loudness over time, each 0 to 100. */
  waveform?: number[]
}

/**
 * A delivery status of a message; applied only when it is higher than the stored one. That the account itself has read a message of
 * somebody else means that it has read the ones before, too.
 */
export interface InboundReceipt {
  chat: string
  waId: string
  fromMe: boolean
  status: MessageStatus
  /** Whose it is, in a group, and since when in epoch seconds; such a one does not raise the message itself. */
  member?: { jid: string; at: number }
}

/** What happened to a message: edited or deleted for everyone by its author; reacted to, voted on, answered with a button by anybody. */
export type InboundChange = {
  chat: string
  waId: string
  fromMe: boolean
  sender?: string
  at: number
  /** Inbox row that it came from, one of the batch's. */
  inboxKey?: string
} & (
  | { kind: 'edit'; text: string; content?: MessageContent }
  | { kind: 'revoke' }
  /** `from` is the sender's JID, or me; a null emoji takes an earlier one back; `atMs` is the sender's clock. */
  | { kind: 'reaction'; from: string; emoji: string | null; atMs: number }
  /** Encrypted with the poll's secret; `creators` and `voters` are the JIDs that its author and the voter may be named by. */
  | {
      kind: 'vote'
      from: string
      atMs: number
      payload: Uint8Array
      iv: Uint8Array
      creators: string[]
      voters: string[]
    }
  /** A button or row of a list that was chosen. */
  | { kind: 'choice'; from: string; atMs: number; id: string; text: string }
)

/** Something that the account set about a chat that is known; it never makes one. Later ones take the place of earlier ones. */
export type InboundState = { chat: string } & (
  | { kind: 'archive'; on: boolean }
  /** `at` in epoch seconds. */
  | { kind: 'pin'; on: boolean; at: number }
  /** Epoch milliseconds, -1 for ever; null: no more. */
  | { kind: 'mute'; until: number | null }
  /** Read up to a message's time in epoch seconds, null: all of it; or marked as unread by hand. */
  | { kind: 'read'; on: boolean; until: number | null }
  | { kind: 'star'; waId: string; fromMe: boolean; on: boolean }
  | { kind: 'delete-for-me'; waId: string; fromMe: boolean }
  /** All messages up to a time in epoch seconds are gone on the phone, null: all of them. */
  | { kind: 'clear'; until: number | null; keepStarred: boolean }
  | { kind: 'delete'; until: number | null }
)

/** A call to the account begins to ring, or what became of it. */
export interface InboundCall {
  callId: string
  /** The caller. */
  chat: string
  chatAlt?: string
  /** As WhatsApp names the caller in a refusal. */
  creator: string
  state: 'ringing' | 'missed' | 'answered' | 'rejected'
  video: boolean
  /** Epoch seconds. */
  at: number
}

/** An empty batch to fill. */
export function emptyBatch(): InboundBatch {
  return { people: [], chats: [], messages: [], receipts: [], changes: [], states: [], inbox: [] }
}
