import { jidOf } from './jid.ts'
import { nameOf } from './person.ts'
import type { Contact, Person, PhoneMessage } from './state.ts'
import { connectionOf, findPerson, type World } from './world.ts'

/** A phone as the control API shows it. */
export function phoneView(world: World, person: Person) {
  return {
    number: person.number,
    name: person.name,
    lid: person.lid,
    jid: jidOf(person, 'pn'),
    airplane: person.airplane,
    ...(person.generated && { generated: person.generated }),
    devices: person.devices.map((device) => ({
      device: device.id,
      jid: jidOf(person, 'pn', device.id),
      online: connectionOf(world, person, device) !== undefined,
      linked_at: device.linkedAt,
      platform: device.platform,
      queued: device.queue.length,
      prekeys: device.preKeys.length,
    })),
    contacts: person.contacts.map((contact) => contactView(world, contact)),
    chats: person.chats.map((chat) => {
      const last = chat.messages.reduce<PhoneMessage | undefined>(
        (one, each) => (!one || each.at >= one.at ? each : one),
        undefined,
      )
      return {
        with: chat.with,
        name: nameOf(world, person, chat.with),
        unread: chat.unread,
        archived: chat.archived ?? false,
        pinned: chat.pinned ?? false,
        muted_until: chat.mutedUntil ?? null,
        marked_unread: chat.markedUnread ?? false,
        last: last ? messageView(person, chat.with, last) : null,
      }
    }),
  }
}

export function contactView(world: World, contact: Contact) {
  const other = findPerson(world, contact.number)
  return {
    number: contact.number,
    name: contact.name,
    lid: other?.lid ?? null,
    push_name: other?.name ?? null,
    saved: contact.saved,
  }
}

/** A message as the phone shows it. */
export function messageView(person: Person, other: string, message: PhoneMessage) {
  return {
    n: message.n,
    id: message.id,
    from: message.fromMe ? person.number : (message.author ?? other),
    to: message.fromMe || message.author !== undefined ? other : person.number,
    from_me: message.fromMe,
    text: message.text,
    kind: message.kind,
    at: message.at,
    status: message.status,
    read: message.read,
    via: message.via,
    addressed: message.addressed,
    copies: message.copies,
    ...(message.starred !== undefined && { starred: message.starred }),
    ...(message.receipts && { receipts: message.receipts }),
  }
}
