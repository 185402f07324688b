import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Addressing, Chat, Person, PhoneMessage, Status } from './state.ts'
import type { World } from './world.ts'

/** What is to be shown in a chat of a phone. */
export interface MessageEntry {
  with: string
  id: string
  fromMe: boolean
  at: number
  via: string
  addressed: Addressing
  content: Buffer
  /** Who wrote it in a group, when it was somebody else. */
  author?: string
  status?: Status
  read?: boolean
}

/** Puts a message into the phone's chat; the same id again only counts up its copies. */
export function recordMessage(
  world: World,
  person: Person,
  entry: MessageEntry,
): { message: PhoneMessage; fresh: boolean } {
  const chat = chatWith(person, entry.with)
  world.changed()
  const known = messageIn(chat, entry.id, entry.fromMe)
  if (known) {
    known.copies++
    world.events.publish('message.duplicate', person.number, {
      with: entry.with,
      message_id: entry.id,
      copies: known.copies,
    })
    return { message: known, fresh: false }
  }
  const message: PhoneMessage = {
    ...described(entry.content),
    n: person.nextMessage++,
    id: entry.id,
    fromMe: entry.fromMe,
    at: entry.at,
    status: person.earlyStatus[entry.id] ?? entry.status ?? (entry.fromMe ? 'sent' : 'delivered'),
    via: entry.via,
    addressed: entry.addressed,
    copies: 1,
    read: entry.read ?? entry.fromMe,
    content: entry.content,
    ...(entry.author !== undefined && { author: entry.author }),
  }
  delete person.earlyStatus[entry.id]
  chat.messages.push(message)
  if (!message.read) chat.unread++
  const type = message.fromMe ? 'message.sent' : 'message.arrived'
  if (message.via !== 'history') {
    world.events.publish(type, person.number, {
      with: entry.with,
      message_id: message.id,
      n: message.n,
      via: message.via,
    })
  }
  return { message, fresh: true }
}

/** Applies an edit or a deletion that a message of the same author asks for; false when the content is neither. */
export function applyChange(world: World, person: Person, entry: MessageEntry): boolean {
  const change = proto.Message.decode(entry.content).protocolMessage
  const id = change?.key?.id
  if (!change || !id) return false
  const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
  if (change.type !== REVOKE && change.type !== MESSAGE_EDIT) return false
  const message = messageIn(chatWith(person, entry.with), id, entry.fromMe)
  if (message) {
    if (change.type === REVOKE) Object.assign(message, { text: '', kind: 'revoked' })
    else if (change.editedMessage) message.text = textOf(change.editedMessage)
    world.changed()
    world.events.publish('message.changed', person.number, { with: entry.with, message_id: id })
  }
  return true
}

/** Raises the status of an own message; it never goes back. */
export function applyStatus(
  world: World,
  person: Person,
  change: { id: string; by: string; group?: string; status: Status },
): void {
  const { id, by, group, status } = change
  world.changed()
  const message = messageIn(chatWith(person, group ?? by), id, true)
  if (group !== undefined) {
    if (message) message.receipts = { ...message.receipts, [by]: higher(message.receipts?.[by], status) }
    publishStatus(world, person, change)
    return
  }
  if (!message) person.earlyStatus[id] = higher(person.earlyStatus[id], status)
  else if (higher(message.status, status) !== message.status) message.status = status
  publishStatus(world, person, change)
}

function publishStatus(world: World, person: Person, change: Parameters<typeof applyStatus>[2]): void {
  const { id, by, group, status } = change
  if (status === 'sent') return
  world.events.publish(`receipt.${status}`, person.number, {
    with: group ?? by,
    message_id: id,
    ...(group !== undefined && { participant: by }),
  })
}

/** The phone's chat with somebody, made when there is none. */
export function chatWith(person: Person, number: string): Chat {
  const existing = person.chats.find((each) => each.with === number)
  if (existing) return existing
  const chat: Chat = { with: number, unread: 0, messages: [] }
  person.chats.push(chat)
  return chat
}

/** A message of a chat by its id; chats may be long. */
export function messageIn(chat: Chat, id: string, fromMe: boolean): PhoneMessage | undefined {
  let index = indexes.get(chat)
  if (index?.list !== chat.messages) indexes.set(chat, (index = { list: chat.messages, done: 0, byKey: new Map() }))
  for (; index.done < chat.messages.length; index.done++) {
    const message = chat.messages[index.done]
    if (message) index.byKey.set(keyOf(message.id, message.fromMe), message)
  }
  return index.byKey.get(keyOf(id, fromMe))
}

/** Grown when asked; a list that messages were taken out of is to be a new one. */
const indexes = new WeakMap<Chat, { list: PhoneMessage[]; done: number; byKey: Map<string, PhoneMessage> }>()

function keyOf(id: string, fromMe: boolean): string {
  return `${fromMe ? '>' : '<'}${id}`
}

/** Whether the phone shows this message already. */
export function knows(person: Person, number: string, id: string, fromMe: boolean): boolean {
  return messageIn(chatWith(person, number), id, fromMe) !== undefined
}

/** A text as a WAProto `Message`. */
export function textContent(text: string): Buffer {
  return Buffer.from(proto.Message.encode({ conversation: text }).finish())
}

/** A change of an own message's text, as a WAProto `Message`. */
export function editContent(id: string, text: string): Buffer {
  const key = { id, fromMe: true }
  const type = proto.Message.ProtocolMessage.Type.MESSAGE_EDIT
  const protocolMessage = { type, key, editedMessage: { conversation: text }, timestampMs: Date.now() }
  return Buffer.from(proto.Message.encode({ protocolMessage }).finish())
}

/** The deletion of an own message for everybody. */
export function revokeContent(id: string): Buffer {
  const protocolMessage = { type: proto.Message.ProtocolMessage.Type.REVOKE, key: { id, fromMe: true } }
  return Buffer.from(proto.Message.encode({ protocolMessage }).finish())
}

const ORDER: readonly Status[] = ['sent', 'delivered', 'read', 'played']

function higher(one: Status | undefined, other: Status): Status {
  return one !== undefined && ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other
}

function described(content: Buffer): { text: string; kind: string } {
  const message = proto.Message.decode(content)
  const fields = Object.keys(proto.Message.toObject(message)).filter((name) => name !== 'messageContextInfo')
  return { text: textOf(message), kind: fields[0] ?? 'empty' }
}

function textOf(message: proto.IMessage): string {
  return (
    message.conversation ||
    message.extendedTextMessage?.text ||
    message.imageMessage?.caption ||
    message.videoMessage?.caption ||
    message.documentMessage?.caption ||
    message.documentWithCaptionMessage?.message?.documentMessage?.caption ||
    message.reactionMessage?.text ||
    message.pollCreationMessageV3?.name ||
    message.locationMessage?.name ||
    message.contactMessage?.displayName ||
    ''
  )
}
