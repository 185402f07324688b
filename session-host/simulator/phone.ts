import { hasBlocked } from './block.ts'
import { confirmRead } from './confirm.ts'
import { enqueue } from './delivery-queue.ts'
import { groupByJid, groupJid } from './group.ts'
import { resendInGroup } from './group-messages.ts'
import { jidOf } from './jid.ts'
import { reachPhone } from './phone-inbox.ts'
import { applyChange, chatWith, messageIn, recordMessage } from './phone-record.ts'
import { sendToCompanion, sendToOwnCompanion } from './phone-send.ts'
import type { PreKeyBundle } from './prekeys.ts'
import { stanza } from './stanza.ts'
import type { Addressing, Chat, Device, Group, Person, PhoneMessage } from './state.ts'
import { count, findPerson, messageId, seconds, type World } from './world.ts'

/**
 * A person sends something from the phone: a text, or a change of an own message (edit, deletion) or a reaction. It goes to the other's phone, encrypted to each of the other's companions, and as a device-sent
 * message to the own companions.
 */
export async function say(
  world: World,
  person: Person,
  message: { to: Person; content: Buffer; addressed: Addressing; id?: string; at?: number },
): Promise<{ id: string; at: number }> {
  const { to, addressed } = message
  const id = message.id ?? messageId(world)
  const at = message.at ?? seconds()
  const { content } = message
  const entry = { with: to.number, id, fromMe: true, at, via: 'phone', addressed, content }
  if (!applyChange(world, person, entry)) recordMessage(world, person, entry)
  const outgoing = { id, at, addressed, content }
  const blocked = hasBlocked(to, person)
  const others =
    to === person || blocked
      ? []
      : to.devices.map((device) => sendToCompanion(world, person, { person: to, device }, outgoing))
  const own = person.devices.map((device) => sendToOwnCompanion(world, person, device, to, outgoing))
  if (to !== person && !blocked)
    await reachPhone(world, to, { kind: 'plain', from: person.number, id, at, addressed, content })
  await Promise.all([...others, ...own])
  return { id, at }
}

/** A person opens a chat and reads it, up to and including `id` when given. Returns the ids that were unread till now. */
export function read(world: World, person: Person, other: Person, id?: string): string[] {
  const chat = chatWith(person, other.number)
  const end = id === undefined ? chat.messages.length : chat.messages.findIndex((each) => each.id === id) + 1
  const unread = chat.messages.slice(0, end).filter((each) => !each.read)
  markRead(world, chat, unread)
  for (const addressed of ['lid', 'pn'] as const) {
    const ids = unread.filter((each) => each.addressed === addressed).map((each) => each.id)
    if (person.privacy.readreceipts !== 'none') confirmRead(world, { author: other, reader: person, ids, addressed })
    for (const device of person.devices) tellReadElsewhere(world, person, device, other, ids, addressed)
  }
  if (id === undefined) chat.unread = 0
  return unread.map((each) => each.id)
}

/** A person reads a group: each author is told. Returns the ids that were unread. */
export function readGroup(world: World, person: Person, group: Group, id?: string): string[] {
  const jid = groupJid(group)
  const chat = chatWith(person, jid)
  const end = id === undefined ? chat.messages.length : chat.messages.findIndex((each) => each.id === id) + 1
  const unread = chat.messages.slice(0, end).filter((each) => !each.read)
  confirmGroupRead(world, person, group, unread)
  for (const device of person.devices) {
    for (const { id: read, author } of unread) {
      const participant = author === undefined ? undefined : findPerson(world, author)
      const attributes = {
        from: jid,
        participant: jidOf(person, group.addressed),
        recipient: participant && jidOf(participant, group.addressed),
        id: read,
        type: 'read-self',
        t: seconds(),
      }
      enqueue(world, person, device, stanza('receipt', attributes))
    }
  }
  return unread.map((each) => each.id)
}

/** A companion has read (or played) messages of a group. */
export function groupReadByCompanion(
  world: World,
  person: Person,
  group: Group,
  ids: string[],
  status: 'read' | 'played',
): void {
  const chat = chatWith(person, groupJid(group))
  confirmGroupRead(
    world,
    person,
    group,
    chat.messages.filter((each) => !each.fromMe && ids.includes(each.id)),
    status,
  )
}

function confirmGroupRead(
  world: World,
  person: Person,
  group: Group,
  messages: PhoneMessage[],
  status: 'read' | 'played' = 'read',
): void {
  const chat = chatWith(person, groupJid(group))
  markRead(world, chat, messages)
  for (const author of new Set(messages.map((each) => each.author))) {
    const other = author === undefined ? undefined : findPerson(world, author)
    const ids = messages.filter((each) => each.author === author).map((each) => each.id)
    const common = { reader: person, ids, addressed: group.addressed, group: groupJid(group), status }
    if (other) confirmRead(world, { ...common, author: other })
  }
}

/** A person listens to (or looks at) a message: the author hears that it was played. */
export function play(world: World, person: Person, other: Person, id: string): boolean {
  const message = messageIn(chatWith(person, other.number), id, false)
  if (!message) return false
  markRead(world, chatWith(person, other.number), [message])
  const { addressed } = message
  confirmRead(world, { author: other, reader: person, ids: [id], addressed, status: 'played' })
  return true
}

/** A companion has read messages: the phone shows it, the author and the other companions are told. */
export function readByCompanion(
  world: World,
  person: Person,
  device: Device,
  other: Person,
  ids: string[],
  addressed: Addressing,
  status: 'read' | 'played' = 'read',
): void {
  const messages = chatWith(person, other.number).messages.filter((each) => !each.fromMe && ids.includes(each.id))
  markRead(world, chatWith(person, other.number), messages)
  confirmRead(world, { author: other, reader: person, ids, addressed, status })
  for (const each of person.devices) if (each !== device) tellReadElsewhere(world, person, each, other, ids, addressed)
}

/** The phone sends a message again that a companion could not read. */
export async function resend(
  world: World,
  person: Person,
  target: { person: Person; device: Device },
  id: string,
  again: { attempt: number; fresh: PreKeyBundle | 'from-server' },
): Promise<void> {
  const found = findMessage(person, id)
  if (!found || again.attempt > MAX_ATTEMPTS) {
    count(world, 'retries_unanswered')
    return
  }
  const { message, chat } = found
  const group = groupByJid(world, chat)
  if (group) {
    await resendInGroup(world, person, group, message, target, again)
    return
  }
  const outgoing = { id, at: message.at, addressed: message.addressed, content: message.content }
  if (target.person !== person) await sendToCompanion(world, person, target, outgoing, again)
  else {
    const other = findPerson(world, chat)
    if (other) await sendToOwnCompanion(world, person, target.device, other, outgoing, again)
  }
}

const MAX_ATTEMPTS = 5

function markRead(world: World, chat: Chat, messages: PhoneMessage[]): void {
  for (const message of messages) {
    if (message.read) continue
    message.read = true
    chat.unread = Math.max(0, chat.unread - 1)
  }
  world.changed()
}

function tellReadElsewhere(
  world: World,
  person: Person,
  device: Device,
  other: Person,
  ids: string[],
  addressed: Addressing,
): void {
  const [first, ...rest] = ids
  if (first === undefined) return
  const attributes = {
    from: jidOf(person, addressed),
    recipient: jidOf(other, addressed),
    id: first,
    type: 'read',
    t: seconds(),
  }
  const items = rest.map((id) => stanza('item', { id }))
  enqueue(
    world,
    person,
    device,
    stanza('receipt', attributes, items.length > 0 ? [stanza('list', {}, items)] : undefined),
  )
}

function findMessage(person: Person, id: string): { message: PhoneMessage; chat: string } | undefined {
  for (const chat of person.chats) {
    const message = messageIn(chat, id, true)
    if (message) return { message, chat: chat.with }
  }
  return undefined
}
