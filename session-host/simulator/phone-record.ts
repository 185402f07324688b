import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { groupByJid } from './group.ts'
import { jidsOf, readVote } from './message-content.ts'
import type { Addressing, Chat, Person, PhoneMessage, Status } from './state.ts'
import { count, findPerson, type World } from './world.ts'

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

/** Applies an edit, a deletion, a reaction or a vote that a message asks for; false when the content is none of these. */
export function applyChange(world: World, person: Person, entry: MessageEntry): boolean {
  const content = proto.Message.decode(entry.content)
  if (content.reactionMessage) return applyReaction(world, person, entry, content.reactionMessage)
  if (content.pollUpdateMessage) return applyVote(world, person, entry, content.pollUpdateMessage)
  const change = content.protocolMessage
  const id = change?.key?.id
  if (!change || !id) return false
  const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
  if (change.type !== REVOKE && change.type !== MESSAGE_EDIT) return false
  const message = messageIn(chatWith(person, entry.with), id, entry.fromMe)
  if (message) {
    if (change.type === REVOKE) Object.assign(message, { text: '', kind: 'revoked' })
    else if (change.editedMessage) Object.assign(message, { text: textOf(change.editedMessage), edited: true })
    world.changed()
    world.events.publish('message.changed', person.number, { with: entry.with, message_id: id })
  }
  return true
}

/** One reaction a person; an empty one takes theirs back. */
function applyReaction(
  world: World,
  person: Person,
  entry: MessageEntry,
  { key, text }: proto.Message.IReactionMessage,
): boolean {
  const message = eitherWay(person, entry.with, key?.id)
  if (!message) return true
  const reactions = { ...message.reactions, [authorOf(person, entry)]: text ?? '' }
  message.reactions = Object.fromEntries(Object.entries(reactions).filter(([, emoji]) => emoji !== ''))
  changed(world, person, entry.with, message)
  return true
}

/** The newest vote of a person takes the place of an earlier one. */
function applyVote(
  world: World,
  person: Person,
  entry: MessageEntry,
  update: proto.Message.IPollUpdateMessage,
): boolean {
  const message = eitherWay(person, entry.with, update.pollCreationMessageKey?.id)
  const creator = message && personOf(world, person, entry.with, message)
  const voter = findPerson(world, authorOf(person, entry))
  const group = groupByJid(world, entry.with)
  const options = creator && voter && readVote(message.content, update, jidsOf(creator, group), jidsOf(voter, group))
  if (!message || !options) {
    count(world, 'phone_unreadable_votes')
    return true
  }
  message.votes = { ...message.votes, [authorOf(person, entry)]: options }
  changed(world, person, entry.with, message)
  return true
}

function eitherWay(person: Person, other: string, id: string | null | undefined): PhoneMessage | undefined {
  const chat = chatWith(person, other)
  return messageIn(chat, id ?? '', false) ?? messageIn(chat, id ?? '', true)
}

/** The number of who sent it. */
function authorOf(person: Person, entry: MessageEntry): string {
  return entry.fromMe ? person.number : (entry.author ?? entry.with)
}

function personOf(world: World, person: Person, other: string, message: PhoneMessage): Person | undefined {
  return message.fromMe ? person : findPerson(world, message.author ?? other)
}

function changed(world: World, person: Person, other: string, message: PhoneMessage): void {
  world.changed()
  world.events.publish('message.changed', person.number, { with: other, message_id: message.id })
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
