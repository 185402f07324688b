import { jidOf } from './jid.ts'
import { mediaIn } from './media-message.ts'
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
    ...mediaView(message),
    ...(message.starred !== undefined && { starred: message.starred }),
    ...(message.edited && { edited: true }),
    ...(message.reactions && { reactions: message.reactions }),
    ...(message.votes && { votes: message.votes }),
    ...(message.receipts && { receipts: message.receipts }),
  }
}

/** What a message says of the file that it refers to. */
function mediaView(message: PhoneMessage): object {
  const media = mediaIn(message.content)
  if (!media) return {}
  const { mimetype, fileLength, fileSha256, fileName, seconds, width, height, waveform, jpegThumbnail } = media.fields
  return {
    media: {
      kind: media.kind,
      mime: mimetype ?? null,
      bytes: Number(fileLength ?? 0),
      sha256: Buffer.from(fileSha256 ?? []).toString('hex'),
      file_name: fileName || null,
      seconds: seconds ?? null,
      width: width ?? null,
      height: height ?? null,
      waveform: waveform?.length ? [...waveform] : null,
      thumbnail_bytes: jpegThumbnail?.length ?? 0,
    },
  }
}
