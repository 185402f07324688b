import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js'
import type { Device, Person } from './state.ts'

/** The own sender key of a phone for a group (made at first use), as the message that hands it on. */
export async function senderKeyMessage(person: Person, group: string): Promise<proto.IMessage> {
  const store = senderKeyStore(person)
  const message = await new GroupSessionBuilder(store).create(nameOf(person, 0, group))
  return {
    senderKeyDistributionMessage: { groupId: group, axolotlSenderKeyDistributionMessage: message.serialize() },
  }
}

/** Encrypts a padded message once for the whole group. */
export async function encryptInGroup(person: Person, group: string, padded: Uint8Array): Promise<Buffer> {
  return Buffer.from(await new GroupCipher(senderKeyStore(person), nameOf(person, 0, group)).encrypt(padded))
}

/** Takes in the sender key of somebody's companion. */
export async function readSenderKey(
  person: Person,
  group: string,
  sender: { person: Person; device: Device },
  message: proto.IMessage,
): Promise<void> {
  const bytes = message.senderKeyDistributionMessage?.axolotlSenderKeyDistributionMessage
  if (!bytes) return
  const store = senderKeyStore(person)
  const name = nameOf(sender.person, sender.device.id, group)
  const distribution = new SenderKeyDistributionMessage(null, null, null, null, bytes)
  await new GroupSessionBuilder(store).process(name, distribution)
}

/** The message of somebody's companion to a group, without its padding; undefined when this phone has no key for it. */
export async function decryptInGroup(
  person: Person,
  group: string,
  sender: { person: Person; device: Device },
  ciphertext: Buffer,
): Promise<Buffer | undefined> {
  try {
    const name = nameOf(sender.person, sender.device.id, group)
    const padded = Buffer.from(await new GroupCipher(senderKeyStore(person), name).decrypt(ciphertext))
    return padded.subarray(0, padded.length - (padded.at(-1) ?? 0))
  } catch {
    return undefined
  }
}

function nameOf(person: Person, device: number, group: string): SenderKeyName {
  // The library reads only these fields of an address.
  return new SenderKeyName(group, { id: person.lid, deviceId: device, toString: () => `${person.lid}.${device}` })
}

function senderKeyStore(person: Person) {
  const keys = (person.senderKeys ??= {})
  return {
    loadSenderKey(name: SenderKeyName): Promise<SenderKeyRecord> {
      const stored = keys[name.toString()]
      return Promise.resolve(stored ? SenderKeyRecord.deserialize(stored) : new SenderKeyRecord())
    },
    storeSenderKey(name: SenderKeyName, record: SenderKeyRecord): Promise<void> {
      keys[name.toString()] = Buffer.from(JSON.stringify(record.serialize()))
      return Promise.resolve()
    },
  }
}
