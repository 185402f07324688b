import { acknowledge } from './acknowledge.ts'
import type { Connection } from './connection.ts'
import { enqueue } from './delivery-queue.ts'
import { isGroupJid } from './group.ts'
import { acceptGroupMessage } from './group-messages.ts'
import { jidOf, otherForm, parseJid, type ParsedJid } from './jid.ts'
import { serverTrick } from './magic-numbers.ts'
import { reachPhone } from './phone-inbox.ts'
import { isReachout } from './restrictions.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { count, findPerson, recordUnhandled, seconds, type World } from './world.ts'

/**
 * A companion sends a message: one `<enc>` per device under `<participants>`, or a single one (to its own phone, or again to one device).
 * Every device gets its part; then the sender gets `<ack class="message">`.
 */
export async function acceptMessage(world: World, connection: Connection, node: Stanza): Promise<void> {
  const { login } = connection
  const to = parseJid(node.attrs.to)
  if (!login) return
  if (!to && !isGroupJid(node.attrs.to)) {
    recordUnhandled(world, connection, node)
    acknowledge(world, connection, node, 400)
    return
  }
  count(world, 'messages_from_companions')
  if (world.faults.take('drop_at', login.person.number, 'before_accept')) {
    connection.destroy()
    return
  }
  const trick = to && serverTrick(findPerson(world, node.attrs.to ?? ''))
  if (trick === 'refuse') {
    acknowledge(world, connection, node, 463)
    return
  }
  if (isReachout(world, login.person, node.attrs.to ?? '')) {
    acknowledge(world, connection, node, 463)
    return
  }
  const refusal = world.faults.take('refuse_messages', login.person.number)
  if (refusal) {
    acknowledge(world, connection, node, refusal.error ?? 479)
    return
  }
  if (to) await passOnAll(world, login, parseJid(node.attrs.recipient) ?? to, node)
  else if (!(await acceptGroupMessage(world, connection, node))) {
    acknowledge(world, connection, node, 404)
    return
  }
  const { number } = login.person
  if (world.faults.take('drop_after_message', number) || world.faults.take('drop_at', number, 'before_ack')) {
    connection.destroy()
    return
  }
  if (trick !== 'no_ack') acknowledge(world, connection, node)
  if (world.faults.take('drop_at', number, 'after_ack')) connection.destroy()
}

async function passOnAll(
  world: World,
  login: { person: Person; device: Device },
  chat: ParsedJid,
  node: Stanza,
): Promise<void> {
  const deviceIdentity = bytesOf(child(node, 'device-identity'))
  for (const { jid, enc } of parts(node)) {
    await passOn(world, { ...login, chat, node }, jid, enc, deviceIdentity)
  }
}

interface Outgoing {
  person: Person
  device: Device
  /** The person (in the sender's form) whose chat it is in. */
  chat: ParsedJid
  node: Stanza
}

function parts(node: Stanza): { jid: string; enc: Stanza }[] {
  const direct = child(node, 'enc')
  if (direct) return [{ jid: node.attrs.to ?? '', enc: direct }]
  return children(child(node, 'participants'), 'to').flatMap((to) => {
    const enc = child(to, 'enc')
    return enc ? [{ jid: to.attrs.jid ?? '', enc }] : []
  })
}

async function passOn(
  world: World,
  out: Outgoing,
  jid: string,
  enc: Stanza,
  deviceIdentity: Buffer | undefined,
): Promise<void> {
  const target = parseJid(jid)
  const receiver = findPerson(world, jid)
  const ciphertext = bytesOf(enc)
  const chatPerson = findPerson(world, jidText(out.chat))
  if (!target || !receiver || !ciphertext || !chatPerson) {
    count(world, 'undeliverable')
    return
  }
  const own = receiver === out.person
  if (target.device === 0) {
    await reachPhone(world, receiver, {
      kind: 'encrypted',
      from: out.person.number,
      device: out.device.id,
      chat: own ? chatPerson.number : out.person.number,
      id: out.node.attrs.id ?? '',
      at: seconds(),
      addressed: out.chat.addressed,
      encryption: enc.attrs.type ?? '',
      ciphertext,
      ...(deviceIdentity && { deviceIdentity }),
      peer: out.node.attrs.category === 'peer',
    })
    return
  }
  const device = receiver.devices.find((each) => each.id === target.device)
  if (!device) {
    count(world, 'undeliverable')
    return
  }
  const identity = enc.attrs.type === 'pkmsg' && deviceIdentity ? [stanza('device-identity', {}, deviceIdentity)] : []
  enqueue(world, receiver, device, stanza('message', forwarded(out, own, chatPerson), [enc, ...identity]))
}

/** The attributes of a companion's message as another companion sees them. */
function forwarded(out: Outgoing, own: boolean, chatPerson: Person) {
  const { addressed } = out.chat
  const common = {
    id: out.node.attrs.id,
    t: seconds(),
    type: out.node.attrs.type,
    notify: out.person.name,
    from: jidOf(out.person, addressed, out.device.id),
    addressing_mode: addressed,
  }
  if (own) {
    const alternative = addressed === 'lid' ? 'peer_recipient_pn' : 'peer_recipient_lid'
    return { ...common, recipient: jidOf(chatPerson, addressed), [alternative]: otherForm(chatPerson, addressed) }
  }
  return { ...common, [addressed === 'lid' ? 'sender_pn' : 'sender_lid']: otherForm(out.person, addressed) }
}

function jidText(jid: ParsedJid): string {
  return `${jid.user}@${jid.addressed === 'lid' ? 'lid' : 's.whatsapp.net'}`
}
