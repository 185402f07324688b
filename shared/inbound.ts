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
  changes: InboundChange[]
  /** Inbox rows (stanza keys) that this batch accounts for. */
  inbox: string[]
  /** Set when the batch is a chunk of the phone's history; progress in percent when known. */
  history?: { progress: number | null }
  /** The account's own name, when it changed. */
  ownName?: string
}

/** A person, and what is known of them. Undefined leaves what is stored. */
export interface InboundPerson {
  jid: string
  alt?: string
  name?: string
  pushName?: string
  verifiedName?: string
}

/** A chat of the phone's list. Undefined leaves what is stored. */
export interface InboundChat {
  jid: string
  alt?: string
  name?: string
  /** Absolute count. */
  unread?: number
  archived?: boolean
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

/** A delivery status of a message; applied only when it is higher than the stored one. */
export interface InboundReceipt {
  chat: string
  waId: string
  fromMe: boolean
  status: MessageStatus
}

/** A message edited or deleted for everyone by its author. */
export type InboundChange = {
  chat: string
  waId: string
  fromMe: boolean
  sender?: string
  at: number
  /** Inbox row that it came from, one of the batch's. */
  inboxKey?: string
} & ({ kind: 'edit'; text: string } | { kind: 'revoke' })

/** An empty batch to fill. */
export function emptyBatch(): InboundBatch {
  return { people: [], chats: [], messages: [], receipts: [], changes: [], inbox: [] }
}
