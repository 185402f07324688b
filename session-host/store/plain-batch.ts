import type { InboundBatch, InboundMessage, InboundPerson } from '#shared/inbound.ts'
import { clipName } from './clip-name.ts'
import type { Lease } from './fenced.ts'
import { mediaFacts, storableContent } from './message-facts.ts'
import { isKept, type ProtoBox } from './message-protos.ts'
import { storable } from './messages.ts'

/** Messages a statement at most: what waits behind it waits no longer than it takes. */
export const mostMessages = 200

/** What the statement knows of a message. One that says more is not plain. */
const knownFacts = new Set<string>([
  'chat',
  'chatAlt',
  'waId',
  'fromMe',
  'sender',
  'at',
  'type',
  'text',
  'status',
  'replyTo',
  'pushName',
  'live',
  'inboxKey',
  'content',
  'media',
  'proto',
  'expiresAt',
] satisfies (keyof InboundMessage)[])
const knownParts = new Set<string>(['messages', 'inbox', 'people'] satisfies (keyof InboundBatch)[])

/** Whether a batch is nothing but what private.store_messages knows. */
export function isPlain(batch: InboundBatch): boolean {
  return (
    batch.messages.length > 0 &&
    batch.messages.length <= mostMessages &&
    batch.people.every((person) => isSaidBy(batch.messages, person)) &&
    batch.messages.every(
      (message) =>
        message.live && Object.entries(message).every(([fact, value]) => value === undefined || knownFacts.has(fact)),
    ) &&
    Object.entries(batch).every(
      ([part, value]) => knownParts.has(part) || (Array.isArray(value) ? value.length === 0 : value === undefined),
    )
  )
}

/** The rows that private.store_messages takes of a batch. */
export function toRows({ lease, batch }: { lease: Lease; batch: InboundBatch }, protos: ProtoBox): object[] {
  return batch.messages.map((message, index) => ({
    session_id: lease.sessionId,
    epoch: lease.epoch,
    chat: message.chat,
    chat_alt: message.chatAlt === message.chat ? null : (message.chatAlt ?? null),
    wa_id: message.waId,
    from_me: message.fromMe,
    sender: message.sender ?? null,
    push_name: clipName(message.pushName),
    at: message.at,
    type: message.type,
    text: storable(message.text),
    status: message.status,
    reply_to: message.replyTo ?? null,
    content: storableContent(message.content),
    media: mediaFacts(message.media),
    proto: isKept(message.proto) ? protos.seal(lease.sessionId, message.waId, message.proto).toString('base64') : null,
    expires_at: message.expiresAt ?? null,
    inbox: index === 0 ? batch.inbox : [],
  }))
}

/** Baileys reports the name of a sender beside each message, which says it as well: the statement compares it there. */
function isSaidBy(messages: InboundMessage[], person: InboundPerson): boolean {
  return (
    Object.keys(person).every((fact) => fact === 'jid' || fact === 'pushName') &&
    messages.some(
      ({ chat, sender, fromMe, pushName }) =>
        !fromMe && (sender ?? chat) === person.jid && (person.pushName === undefined || pushName === person.pushName),
    )
  )
}
