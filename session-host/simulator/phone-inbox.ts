import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { confirmDelivery } from './confirm.ts'
import { enqueue } from './delivery-queue.ts'
import { groupByJid, isGroupJid } from './group.ts'
import { readSenderKey, decryptInGroup } from './group-signal.ts'
import { jidOf } from './jid.ts'
import { answerPeerRequest } from './peer-request.ts'
import { applyChange, applyStatus, knows, recordMessage, type MessageEntry } from './phone-record.ts'
import { decryptFrom } from './phone-signal.ts'
import { bundleStanzas, phoneBundle } from './prekeys.ts'
import { bigEndian, stanza } from './stanza.ts'
import type { Person, PhoneStanza } from './state.ts'
import { count, findPerson, seconds, type World } from './world.ts'

/** Brings something to a phone; in airplane mode the server keeps it. */
export async function reachPhone(world: World, person: Person, item: PhoneStanza): Promise<void> {
  if (person.airplane) {
    person.waiting.push(item)
    world.changed()
    return
  }
  await handle(world, person, item)
}

/** Ends (or begins) airplane mode; at the end everything kept is handled in order. */
export async function setAirplane(world: World, person: Person, on: boolean): Promise<void> {
  person.airplane = on
  world.changed()
  while (!person.airplane) {
    const item = person.waiting.shift()
    if (!item) break
    await handle(world, person, item)
  }
}

async function handle(world: World, person: Person, item: PhoneStanza): Promise<void> {
  const from = item.kind === 'status' ? undefined : findPerson(world, item.from)
  switch (item.kind) {
    case 'status':
      applyStatus(world, person, item)
      return
    case 'plain':
      if (from) {
        const author = item.group === undefined ? {} : { author: from.number }
        accept(world, person, from, {
          ...item,
          ...author,
          with: item.group ?? from.number,
          fromMe: false,
          via: 'phone',
        })
      }
      return
    case 'group':
      if (from) await readInGroup(world, person, from, item)
      return
    case 'encrypted':
      if (from) await read(world, person, from, item)
      return
    default:
      item satisfies never
  }
}

type EncryptedStanza = Extract<PhoneStanza, { kind: 'encrypted' }>

async function read(world: World, person: Person, from: Person, item: EncryptedStanza): Promise<void> {
  const device = from.devices.find((each) => each.id === item.device)
  if (!device) return
  const result = await decryptFrom(world, person, { person: from, device }, item)
  if ('failure' in result) {
    const known = !item.peer && knows(person, item.chat, item.id, from === person)
    count(world, known ? 'phone_repeated' : `phone_${result.failure}`)
    // The same ciphertext once more cannot be read twice: what the phone has already it only confirms.
    if (!known) askAgain(world, person, from, item)
    else if (from !== person)
      confirmDelivery(world, { author: from, reader: person, id: item.id, addressed: item.addressed })
    return
  }
  delete person.retries[item.id]
  const own = from === person
  const outer = proto.Message.decode(result.content)
  const sent = own ? outer.deviceSentMessage?.message : undefined
  if (item.peer) {
    await answerPeerRequest(world, person, device, item.id, sent ?? outer)
    return
  }
  const content = sent ? Buffer.from(proto.Message.encode(sent).finish()) : result.content
  const via = `companion:${item.device}`
  accept(world, person, from, {
    with: item.chat,
    id: item.id,
    fromMe: own,
    at: item.at,
    via,
    addressed: item.addressed,
    content,
  })
}

function accept(world: World, person: Person, from: Person, entry: MessageEntry): void {
  if (!applyChange(world, person, entry) && showable(entry.content)) recordMessage(world, person, entry)
  if (entry.fromMe) return
  const group = isGroupJid(entry.with) ? entry.with : undefined
  confirmDelivery(world, { author: from, reader: person, id: entry.id, addressed: entry.addressed, group })
}

/** Protocol messages (keys, settings) and reactions' like that carry nothing to show stay out of the chat. */
function showable(content: Buffer): boolean {
  const message = proto.Message.decode(content)
  const fields = Object.keys(proto.Message.toObject(message))
  return !message.protocolMessage && fields.some((name) => !SILENT.has(name))
}

/** Fields that come along with a message, or alone, and are not to be seen. */
const SILENT = new Set(['senderKeyDistributionMessage', 'messageContextInfo'])

type GroupStanza = Extract<PhoneStanza, { kind: 'group' }>

/** A companion's message in a group: perhaps a sender key for this phone first, then the message for all. */
async function readInGroup(world: World, person: Person, from: Person, item: GroupStanza): Promise<void> {
  const device = from.devices.find((each) => each.id === item.device)
  const group = groupByJid(world, item.group)
  if (!device || !group) return
  const sender = { person: from, device }
  let content: Buffer | undefined
  for (const part of item.parts) {
    if (part.encryption === 'skmsg') {
      content ??= await decryptInGroup(person, item.group, sender, part.ciphertext)
      continue
    }
    const { deviceIdentity } = item
    const result = await decryptFrom(world, person, sender, { ...part, ...(deviceIdentity && { deviceIdentity }) })
    if ('failure' in result) continue
    const message = proto.Message.decode(result.content)
    if (message.senderKeyDistributionMessage) await readSenderKey(person, item.group, sender, message)
    if (showable(result.content)) content = result.content
  }
  world.changed()
  if (!content) {
    if (knows(person, item.group, item.id, from === person)) return
    count(world, 'phone_unreadable')
    askAgain(world, person, from, { ...item, addressed: group.addressed, chat: item.group })
    return
  }
  delete person.retries[item.id]
  accept(world, person, from, {
    with: item.group,
    id: item.id,
    fromMe: from === person,
    at: item.at,
    via: `companion:${item.device}`,
    addressed: group.addressed,
    content,
    ...(from !== person && { author: from.number }),
  })
}

/**
 * A phone that cannot read a message asks its author to send it again, and from the second time on brings its keys along
 * (`<receipt type="retry">`; shape after Baileys `sendRetryRequest`, which is the same stanza the other way round).
 */
function askAgain(
  world: World,
  person: Person,
  from: Person,
  item: Pick<EncryptedStanza, 'id' | 'at' | 'device' | 'addressed' | 'chat'>,
): void {
  const attempt = (person.retries[item.id] ?? 0) + 1
  const device = from.devices.find((each) => each.id === item.device)
  if (!device || attempt > MAX_RETRIES) return
  person.retries[item.id] = attempt
  world.changed()
  const own = from === person
  const chat = findPerson(world, item.chat)
  const attributes = {
    from: isGroupJid(item.chat) ? item.chat : jidOf(person, item.addressed),
    participant: isGroupJid(item.chat) ? jidOf(person, item.addressed) : undefined,
    recipient: own && chat ? jidOf(chat, item.addressed) : undefined,
    id: item.id,
    type: 'retry',
    t: seconds(),
  }
  const keys = attempt > 1 ? [stanza('keys', {}, bundleStanzas(phoneBundle(world, person)))] : []
  const content = [
    stanza('retry', { count: attempt, id: item.id, t: item.at, v: 1 }),
    stanza('registration', {}, bigEndian(person.registrationId, 4)),
    ...keys,
  ]
  enqueue(world, from, device, stanza('receipt', attributes, content))
  world.events.publish('receipt.retry', person.number, {
    message_id: item.id,
    attempt,
    from: from.number,
    device: device.id,
  })
}

const MAX_RETRIES = 5
