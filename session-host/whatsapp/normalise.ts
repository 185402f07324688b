import { proto, type BaileysEventMap, type Chat, type Contact, type WAMessage } from '@whiskeysockets/baileys'
import type { MessageContent } from '#shared/content.ts'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import { emptyBatch, type InboundBatch, type InboundChat, type InboundPerson } from '#shared/inbound.ts'
import type { MessageStatus } from '#shared/message.ts'
import { readContent, type Content } from './content.ts'
import { isForDevice } from './inbox.ts'
import { readCall } from './normalise-calls.ts'
import { readChanges, seconds } from './normalise-changes.ts'
import { addGroup } from './normalise-groups.ts'
import { readTimer } from './normalise-timer.ts'
import type { Self } from './self.ts'
import { stanzaKeyOfMessage } from './stanza-key.ts'

const { Status, StubType } = proto.WebMessageInfo

/** Told of a message of which nothing could be made, with its inbox row. */
export type OnUnreadable = (error: unknown, inboxKey: string) => void

/** Baileys could not decrypt a message, or make a message of what it decrypted. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable'
}

/**
 * Turns what Baileys emitted at once into one batch for the store. Pure. Batches that change nothing are null. A message that can't be
 * read is reported and left out, together with its inbox row: it must not take the others with it. Baileys repeats the account's own
 * name with most changes of the credentials; `toldName` is the one that was handed on before.
 */
export function normalise(
  events: Partial<BaileysEventMap>,
  self: Self,
  onUnreadable: OnUnreadable = () => {},
  toldName?: string,
): InboundBatch | null {
  const batch = emptyBatch()
  const ownName = events['creds.update']?.me?.name
  if (ownName && ownName !== toldName) batch.ownName = ownName
  for (const contact of events['contacts.upsert'] ?? []) addContact(batch, contact)
  for (const contact of events['contacts.update'] ?? []) addContact(batch, contact)
  const mapping = events['lid-mapping.update']
  if (mapping) addPair(batch, mapping.pn, mapping.lid)
  const calls = (events.call ?? []).flatMap((call) => readCall(call) ?? [])
  if (calls.length > 0) batch.calls = calls
  // Of groups, changes are read from their notifications (group-notices.ts), in order; what comes here as well may be older. Only the
  // answers of queries hold all participants.
  for (const chat of events['chats.upsert'] ?? [])
    if (!chat.id?.endsWith('@g.us')) addChat(batch, chat, chat.unreadCount ?? undefined)
  for (const group of events['groups.update'] ?? []) if (group.participants) addGroup(batch, group)
  for (const message of events['messages.upsert']?.messages ?? [])
    addReceived(batch, stanzaKeyOfMessage(message), message, self, onUnreadable)
  // What became of messages is read from the receipts themselves (receipts.ts).
  return isEmpty(batch) ? null : batch
}

/** A batch of messages that were decrypted before a crash. */
export function normaliseReplay(
  messages: { stanzaKey: string; message: WAMessage }[],
  self: Self,
  onUnreadable: OnUnreadable = () => {},
): InboundBatch | null {
  const batch = emptyBatch()
  for (const { stanzaKey, message } of messages) addReceived(batch, stanzaKey, message, self, onUnreadable)
  return isEmpty(batch) ? null : batch
}

function addReceived(
  batch: InboundBatch,
  inboxKey: string,
  message: WAMessage,
  self: Self,
  onUnreadable: OnUnreadable,
): void {
  const { people, messages, changes, states } = batch
  const counts = [people, messages, changes, states].map((list) => list.length)
  try {
    // What speaks to the device is done when Baileys has acted on it, and not before.
    if (isForDevice(message)) return
    addMessage(batch, message, self, true, inboxKey)
    // A placeholder accounts for nothing: if there is a plaintext that could not be understood, it is still to be kept.
    if (message.messageStubType === StubType.CIPHERTEXT) onUnreadable(new Undecodable(), inboxKey)
    else if (!isEcho(message)) batch.inbox.push(inboxKey)
  } catch (error) {
    for (const [at, list] of [people, messages, changes, states].entries()) list.splice(counts[at] ?? 0)
    onUnreadable(error, inboxKey)
  }
}

function addContact(batch: InboundBatch, contact: Partial<Contact>): void {
  const jid = normalizeJid(contact.id)
  if (!jid || !isPersonJid(jid)) return
  const alt = [contact.lid, contact.phoneNumber].map(normalizeJid).find((other) => other !== null && other !== jid)
  const person: InboundPerson = { jid }
  if (alt) person.alt = alt
  if (contact.name) person.name = contact.name
  if (contact.notify) person.pushName = contact.notify
  if (contact.verifiedName) person.verifiedName = contact.verifiedName
  batch.people.push(person)
}

/** Adds what says that a number and a LID are one person. */
export function addPair(batch: InboundBatch, pn: string, lid: string): void {
  const jid = normalizeJid(pn)
  const alt = normalizeJid(lid)
  if (jid && alt && isPersonJid(jid) && isPersonJid(alt)) batch.people.push({ jid, alt })
}

function addChat(batch: InboundBatch, chat: Partial<Chat>, unread: number | undefined): void {
  const jid = chatJid(chat.id)
  if (!jid) return
  const alt = [chat.pnJid, chat.lidJid].map(normalizeJid).find((other) => other !== null && other !== jid)
  const entry: InboundChat = { jid }
  if (alt) entry.alt = alt
  const name = chat.displayName ?? chat.name
  if (name) entry.name = name
  if (unread !== undefined && unread >= 0) entry.unread = unread
  if (typeof chat.archived === 'boolean') entry.archived = chat.archived
  addSettings(entry, chat)
  batch.chats.push(entry)
}

/** What the phone's own list says of a chat; what changes later comes as app state (sync-actions.ts). */
function addSettings(entry: InboundChat, chat: Partial<Chat>): void {
  const pinned = Number(chat.pinned ?? 0)
  if (pinned > 0) entry.pinnedAt = pinned
  const muted = Number(chat.muteEndTime ?? 0)
  if (muted !== 0) entry.mutedUntil = muted < 0 ? -1 : muted
  if (chat.markedAsUnread === true) entry.markedUnread = true
}

/** Adds a message, or what it changes, to the batch. Pure. */
export function addMessage(
  batch: InboundBatch,
  message: WAMessage,
  self: Self,
  live: boolean,
  inboxKey?: string,
): void {
  const { key } = message
  const chat = chatJid(key.remoteJid)
  if (!chat || !key.id) return
  const fromMe = key.fromMe === true
  for (const change of readChanges(message, chat, self))
    batch.changes.push({ ...change, ...(inboxKey ? { inboxKey } : {}) })
  const timer = readTimer(message, chat)
  if (timer) batch.chats.push(timer.chat)
  const shown = timer?.notice ?? (live && isEcho(message) ? null : shownOf(message))
  if (!shown) return
  const { keep, ...content } = shown
  if (message.starred) batch.states.push({ chat, kind: 'star', waId: key.id, fromMe, on: true })
  const alt = otherJid(key.remoteJidAlt, chat, fromMe, self)
  const sender = chat.endsWith('@g.us') && !fromMe ? normalizeJid(key.participant) : null
  if (sender) {
    const senderAlt = normalizeJid(key.participantAlt)
    if (senderAlt && senderAlt !== sender) batch.people.push({ jid: sender, alt: senderAlt })
  }
  if (!fromMe && message.verifiedBizName)
    batch.people.push({ jid: sender ?? chat, verifiedName: message.verifiedBizName })
  batch.messages.push({
    chat,
    ...(alt ? { chatAlt: alt } : {}),
    waId: key.id,
    fromMe,
    ...(sender ? { sender } : {}),
    at: seconds(message.messageTimestamp),
    ...content,
    ...(keep && message.message ? { proto: proto.Message.encode(message.message).finish() } : {}),
    ...expiryOf(content.content, message),
    status: statusOf(message, content.type),
    ...(!fromMe && message.pushName ? { pushName: message.pushName } : {}),
    live,
    ...(inboxKey ? { inboxKey } : {}),
  })
}

/** What Baileys reports of a message that this host sends itself: its row was there before it left. */
function isEcho({ key, status }: WAMessage): boolean {
  return key.fromMe === true && status === Status.PENDING
}

/** The chat's JID, or null for what is no conversation: status updates, broadcast lists, channels. */
export function chatJid(id: string | null | undefined): string | null {
  const jid = normalizeJid(id)
  return jid && (isPersonJid(jid) || jid.endsWith('@g.us')) ? jid : null
}

/** The chat partner's other JID. On own messages WhatsApp may name the account itself there, which must never be taken for the partner. */
function otherJid(alt: string | null | undefined, chat: string, fromMe: boolean, self: Self): string | null {
  const jid = normalizeJid(alt)
  if (!jid || jid === chat || !isPersonJid(jid) || !isPersonJid(chat)) return null
  if (fromMe && (jid === self.phone || jid === self.lid) && chat !== self.phone && chat !== self.lid) return null
  return jid
}

/** What is shown of a message: its content, or that it could not be read yet. */
function shownOf(message: WAMessage): Content | null {
  // What is to be looked at once comes to the phone only; other devices are told that it was there (Baileys decode-wa-message.js).
  if (!message.message && message.key.isViewOnce) return viewedOnPhone
  const isUndecrypted = message.messageStubType === StubType.CIPHERTEXT && !message.message
  return isUndecrypted ? undecrypted : readContent(message.message)
}

const undecrypted: Content = {
  type: 'unsupported',
  text: null,
  unsupportedType: 'ciphertext',
  content: { unsupported: { type: 'ciphertext' } },
}
const viewedOnPhone: Content = {
  type: 'unsupported',
  text: null,
  unsupportedType: 'view_once',
  content: { view_once: true, unsupported: { type: 'view_once' } },
}

/** A notice is nobody's to read. */
function statusOf(message: WAMessage, type: Content['type']): MessageStatus {
  if (message.key.fromMe) return outgoingStatus(message.status)
  return type === 'notice' ? 'read' : 'received'
}

function expiryOf(content: MessageContent | undefined, message: WAMessage): { expiresAt?: number } {
  const timer = content?.ephemeral_seconds
  return timer ? { expiresAt: seconds(message.messageTimestamp) + timer } : {}
}

function outgoingStatus(status: number | null | undefined): MessageStatus {
  switch (status) {
    case Status.DELIVERY_ACK:
      return 'delivered'
    case Status.READ:
      return 'read'
    case Status.PLAYED:
      return 'played'
    case Status.PENDING:
      return 'pending'
    case Status.ERROR:
      return 'failed'
    default:
      return 'sent'
  }
}

function isEmpty(batch: InboundBatch): boolean {
  const { people, chats, messages, receipts, changes, states, calls = [], inbox, ownName } = batch
  const lists = [people, chats, messages, receipts, changes, states, calls, inbox]
  return !ownName && lists.every((list) => list.length === 0)
}
