import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { enqueue } from './delivery-queue.ts'
import { jidOf, otherForm } from './jid.ts'
import { encryptFor } from './phone-signal.ts'
import type { PreKeyBundle } from './prekeys.ts'
import { stanza, type Stanza } from './stanza.ts'
import type { Addressing, Device, Person } from './state.ts'
import { seconds, type World } from './world.ts'

/** A message on its way from a phone to a companion. */
export interface OutgoingMessage {
  id: string
  at: number
  addressed: Addressing
  content: Uint8Array
}

/** Sends a phone's message to a companion of somebody else. */
export function sendToCompanion(
  world: World,
  sender: Person,
  target: { person: Person; device: Device },
  message: OutgoingMessage,
  again?: { attempt: number; fresh: PreKeyBundle | 'from-server' },
): Promise<void> {
  return inOrder(world, target, async () => {
    enqueue(world, target.person, target.device, await messageFor(world, sender, target, message, again))
  })
}

/** The stanza of a phone's message to a companion of somebody else, encrypted but not sent. */
export function encryptForCompanion(
  world: World,
  sender: Person,
  target: { person: Person; device: Device },
  message: OutgoingMessage,
): Promise<Stanza> {
  return inOrder(world, target, () => messageFor(world, sender, target, message))
}

async function messageFor(
  world: World,
  sender: Person,
  target: { person: Person; device: Device },
  message: OutgoingMessage,
  again?: { attempt: number; fresh: PreKeyBundle | 'from-server' },
): Promise<Stanza> {
  const encrypted = await encryptFor(world, sender, target, message.content, again?.fresh)
  const attributes = {
    ...common(sender, message),
    from: jidOf(sender, message.addressed),
    addressing_mode: message.addressed,
    [message.addressed === 'lid' ? 'sender_pn' : 'sender_lid']: otherForm(sender, message.addressed),
  }
  return stanza('message', attributes, [encStanza(encrypted, again?.attempt)])
}

/** Shows a phone's own message to one of its own companions: wrapped as a device-sent message. */
export function sendToOwnCompanion(
  world: World,
  sender: Person,
  device: Device,
  chatWith: Person,
  message: OutgoingMessage,
  again?: { attempt: number; fresh: PreKeyBundle | 'from-server' },
): Promise<void> {
  const target = { person: sender, device }
  const destinationJid = jidOf(chatWith, message.addressed)
  const wrapped = proto.Message.encode({
    deviceSentMessage: { destinationJid, message: proto.Message.decode(message.content) },
  }).finish()
  return inOrder(world, target, async () => {
    const encrypted = await encryptFor(world, sender, target, wrapped, again?.fresh)
    const attributes = {
      ...common(sender, message),
      from: jidOf(sender, message.addressed),
      recipient: destinationJid,
      addressing_mode: message.addressed,
      [message.addressed === 'lid' ? 'peer_recipient_pn' : 'peer_recipient_lid']: otherForm(
        chatWith,
        message.addressed,
      ),
    }
    enqueue(world, sender, device, stanza('message', attributes, [encStanza(encrypted, again?.attempt)]))
  })
}

/** Sends something between a phone and its own companion that belongs to no chat: history, keys, answers. */
export function sendPeer(
  world: World,
  sender: Person,
  device: Device,
  id: string,
  protocolMessage: proto.Message.IProtocolMessage,
): Promise<void> {
  const target = { person: sender, device }
  const content = proto.Message.encode({ protocolMessage }).finish()
  return inOrder(world, target, async () => {
    const encrypted = await encryptFor(world, sender, target, content)
    const attributes = {
      ...common(sender, { id, at: seconds() }),
      from: jidOf(sender, 'pn'),
      category: 'peer',
      push_priority: 'high',
    }
    enqueue(world, sender, device, stanza('message', attributes, [encStanza(encrypted)]))
  })
}

function common(sender: Person, message: { id: string; at: number }) {
  return { id: message.id, t: message.at, type: 'text', notify: sender.name }
}

function encStanza(encrypted: { type: string; ciphertext: Buffer }, attempt?: number) {
  return stanza('enc', { v: 2, type: encrypted.type, count: attempt }, encrypted.ciphertext)
}

function inOrder<T>(world: World, target: { person: Person; device: Device }, task: () => Promise<T>): Promise<T> {
  return world.serial(`${target.person.number}:${target.device.id}`, task)
}
