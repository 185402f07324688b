import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Connection } from './connection.ts'
import { enqueue } from './delivery-queue.ts'
import { groupByJid, groupJid, memberOf, membersOf } from './group.ts'
import { encryptInGroup, senderKeyMessage } from './group-signal.ts'
import { jidOf, otherForm, parseJid } from './jid.ts'
import { reachPhone } from './phone-inbox.ts'
import { applyChange, recordMessage } from './phone-record.ts'
import { encryptFor, padded } from './phone-signal.ts'
import type { PreKeyBundle } from './prekeys.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Device, Group, Person, PhoneMessage } from './state.ts'
import { findPerson, messageId, seconds, type World } from './world.ts'

/**
 * A member writes to a group on the phone: encrypted once with the phone's sender key (`skmsg`); a device that does not have that key yet gets
 * it along, encrypted for it alone (`pkmsg` or `msg` with a `senderKeyDistributionMessage`).
 */
export async function sayInGroup(
  world: World,
  person: Person,
  group: Group,
  message: { content: Buffer; id?: string; at?: number },
): Promise<{ id: string; at: number }> {
  const id = message.id ?? messageId(world)
  const at = message.at ?? seconds()
  const { content } = message
  const jid = groupJid(group)
  const common = { id, at, addressed: group.addressed, content }
  const entry = { ...common, with: jid, fromMe: true, via: 'phone' }
  if (!applyChange(world, person, entry)) recordMessage(world, person, entry)
  await world.serial(`${person.number} in ${jid}`, async () => {
    const keyMessage = proto.Message.encode(await senderKeyMessage(person, jid)).finish()
    const ciphertext = await encryptInGroup(person, jid, padded(world, content))
    const holders = ((person.senderKeyHolders ??= {})[jid] ??= [])
    for (const member of membersOf(world, group)) {
      for (const device of member.devices) {
        const address = `${member.lid}.${device.id}`
        const key = holders.includes(address)
          ? []
          : [await partFor(world, person, { person: member, device }, keyMessage)]
        if (key.length > 0) holders.push(address)
        const all = stanza('enc', { v: 2, type: 'skmsg' }, ciphertext)
        const attributes = { ...envelope(person, group), id, t: at, type: 'text' }
        enqueue(world, member, device, stanza('message', attributes, [...key, all]))
      }
    }
    world.changed()
  })
  for (const member of membersOf(world, group)) {
    if (member !== person)
      await reachPhone(world, member, { ...common, kind: 'plain', from: person.number, group: jid })
  }
  return { id, at }
}

/** The phone sends a group message again to a device that could not read it: for it alone, and with the sender key. */
export async function resendInGroup(
  world: World,
  person: Person,
  group: Group,
  message: PhoneMessage,
  target: { person: Person; device: Device },
  again: { attempt: number; fresh: PreKeyBundle | 'from-server' },
): Promise<void> {
  const key = await senderKeyMessage(person, groupJid(group))
  // Two encodings after one another are one message with the fields of both.
  const content = Buffer.concat([message.content, proto.Message.encode(key).finish()])
  await world.serial(`${target.person.number}:${target.device.id}`, async () => {
    const part = await partFor(world, person, target, content, again)
    const attributes = { ...envelope(person, group), id: message.id, t: message.at, type: 'text' }
    enqueue(world, target.person, target.device, stanza('message', attributes, [part]))
  })
}

/** A companion writes to a group: a part for each device that lacks its sender key, and one for all. False when it is no group of this account. */
export async function acceptGroupMessage(world: World, connection: Connection, node: Stanza): Promise<boolean> {
  const { login } = connection
  const group = groupByJid(world, node.attrs.to ?? '')
  if (!login || !group) return false
  if (!memberOf(group, login.person)) return false
  const encs = children(node, 'enc')
  const only = parseJid(node.attrs.participant)
  const parts = new Map<string, Stanza>()
  for (const to of children(child(node, 'participants'), 'to')) {
    const receiver = findPerson(world, to.attrs.jid ?? '')
    const enc = child(to, 'enc')
    if (receiver && enc) parts.set(`${receiver.number}:${parseJid(to.attrs.jid)?.device ?? 0}`, enc)
  }
  const deviceIdentity = bytesOf(child(node, 'device-identity'))
  for (const member of membersOf(world, group)) {
    for (const device of [undefined, ...member.devices]) {
      if (device === login.device) continue
      if (only && (findPerson(world, node.attrs.participant ?? '') !== member || only.device !== (device?.id ?? 0)))
        continue
      const own = parts.get(`${member.number}:${device?.id ?? 0}`)
      await passOn(world, { ...login, group, node }, member, device, [...(own ? [own] : []), ...encs], deviceIdentity)
    }
  }
  return true
}

async function passOn(
  world: World,
  out: { person: Person; device: Device; group: Group; node: Stanza },
  member: Person,
  device: Device | undefined,
  encs: Stanza[],
  deviceIdentity: Buffer | undefined,
): Promise<void> {
  const { id = '', type } = out.node.attrs
  if (device) {
    const first = encs.some((each) => each.attrs.type === 'pkmsg')
    const identity = first && deviceIdentity ? [stanza('device-identity', {}, deviceIdentity)] : []
    const attributes = { ...envelope(out.person, out.group, out.device.id), id, t: seconds(), type }
    enqueue(world, member, device, stanza('message', attributes, [...encs, ...identity]))
    return
  }
  await reachPhone(world, member, {
    kind: 'group',
    group: groupJid(out.group),
    from: out.person.number,
    device: out.device.id,
    id,
    at: seconds(),
    parts: encs.flatMap((each) => {
      const ciphertext = bytesOf(each)
      return ciphertext ? [{ encryption: each.attrs.type ?? '', ciphertext }] : []
    }),
    ...(deviceIdentity && { deviceIdentity }),
  })
}

async function partFor(
  world: World,
  person: Person,
  target: { person: Person; device: Device },
  content: Uint8Array,
  again?: { attempt: number; fresh: PreKeyBundle | 'from-server' },
): Promise<Stanza> {
  const { type, ciphertext } = await encryptFor(world, person, target, content, again?.fresh)
  return stanza('enc', { v: 2, type, count: again?.attempt }, ciphertext)
}

/** Where a group message comes from. */
function envelope(author: Person, group: Group, device = 0) {
  const { addressed } = group
  return {
    from: groupJid(group),
    participant: jidOf(author, addressed, device),
    [addressed === 'lid' ? 'participant_pn' : 'participant_lid']: otherForm(author, addressed),
    addressing_mode: addressed,
    notify: author.name,
  }
}
