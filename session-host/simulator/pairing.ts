import { createHmac } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Connection } from './connection.ts'
import { ControlError } from './control-error.ts'
import { announceDevices } from './device-notice.ts'
import { jidOf } from './jid.ts'
import { signalPublicKey, verify } from './key-pair.ts'
import type { ClientFinish } from './noise.ts'
import { deviceIdentityIsValid, signDevice } from './phone-signal.ts'
import { SERVER, bytesOf, child, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { messageId, seconds, type World } from './world.ts'

/** A device that shows a QR code, and what it said about itself. */
export interface Candidate {
  noise: Buffer
  identity: Buffer
  registrationId: number
  signedPreKey: { id: number; value: Buffer; signature: Buffer }
  platform: string
  references: string[]
  /** The phone number that this device wants to be linked to by a pairing code, and its wrapped key. */
  byCode?: CodeRequest
  /** Hears the signed device identity that the companion answers `pair-success` with, or that it went away instead. */
  answered?: (signed: Buffer | 'gone' | undefined) => void
}

/** What a device asks for when it shows a pairing code instead of a QR code. */
export interface CodeRequest {
  number: string
  wrappedEphemeral: Buffer
  reference: Buffer
  /** Hears the device's last step. */
  finished?: (bundle: { wrapped: Buffer; identity: Buffer } | 'gone') => void
}

/** Begins linking: gives the device six references to show as QR codes, one after the other. Undefined when its keys are wrong. */
export function offerReferences(world: World, connection: Connection, finish: ClientFinish): Candidate | undefined {
  const candidate = readCandidate(finish)
  if (!candidate) return undefined
  const names = Array.from({ length: 6 }, () => `2@${world.random.bytes(96).toString('base64')}`)
  candidate.references.push(...names)
  for (const name of names) world.references.set(name, connection)
  const refs = names.map((name) => stanza('ref', {}, Buffer.from(name)))
  const attributes = { from: SERVER, type: 'set', id: messageId(world), xmlns: 'md' }
  connection.send(stanza('iq', attributes, [stanza('pair-device', {}, refs)]))
  return candidate
}

/** Finds out what keeps a phone from linking the device. @throws ControlError */
export function checkLinkable(person: Person, candidate: Candidate): void {
  if (person.devices.some((each) => each.noise.equals(candidate.noise))) {
    throw new ControlError(409, 'already_linked', 'This device is already linked to this phone.')
  }
  if (person.devices.length >= MAX_COMPANIONS) {
    throw new ControlError(409, 'too_many_devices', 'Four devices are linked already. Unlink one first.')
  }
}

/**
 * The phone signs the device (06 00), the server hands the result over, and the companion must answer with its own signature (06 01).
 * Then the device is linked and told to log in (stream:error 515).
 * @param secret the ADV secret that phone and device share: from the QR code, or agreed on by pairing code
 * @throws ControlError when the device does not answer, or not rightly
 */
export async function link(
  world: World,
  person: Person,
  connection: Connection,
  candidate: Candidate,
  secret: Buffer,
): Promise<Device> {
  for (const reference of candidate.references) world.references.delete(reference)
  const device = newDevice(person, candidate)
  person.lastDevice = device.id
  const details = proto.ADVDeviceIdentity.encode({
    rawId: world.random.below(2 ** 31),
    timestamp: seconds(),
    keyIndex: device.keyIndex,
    accountType: proto.ADVEncryptionType.E2EE,
    deviceType: proto.ADVEncryptionType.E2EE,
  }).finish()
  device.deviceIdentity = await handOver(world, connection, candidate, person, device, details, secret)
  person.devices.push(device)
  world.changed()
  announceDevices(world, person, 'add', [device])
  world.events.publish('phone.linked', person.number, { device: device.id, platform: device.platform })
  connection.send(stanza('stream:error', { code: 515 }))
  connection.end()
  return device
}

/** Takes the companion's answer to `pair-success`; false when the stanza is something else. */
export function acceptPairingAnswer(candidate: Candidate | undefined, node: Stanza): boolean {
  const signed = child(node, 'pair-device-sign')
  if (!candidate?.answered || (node.attrs.type !== 'error' && !signed)) return false
  candidate.answered(bytesOf(child(signed, 'device-identity')))
  return true
}

/** A phone takes at most four companions. */
const MAX_COMPANIONS = 4
const ANSWER_TIMEOUT_MS = 15_000

async function handOver(
  world: World,
  connection: Connection,
  candidate: Candidate,
  person: Person,
  device: Device,
  details: Uint8Array,
  secret: Buffer,
): Promise<Buffer> {
  const accountSignature = signDevice(person, details, candidate.identity)
  const unsigned = { details, accountSignatureKey: person.identity.public, accountSignature }
  const signed = proto.ADVSignedDeviceIdentity.encode(unsigned).finish()
  const hmac = createHmac('sha256', secret).update(signed).digest()
  const answer = new Promise<Buffer | 'late' | 'gone' | undefined>((resolve) => {
    const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS, 'late')
    candidate.answered = (bytes) => {
      clearTimeout(timer)
      resolve(bytes)
    }
  })
  const content = [
    stanza('device-identity', {}, proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish()),
    stanza('device', { jid: jidOf(person, 'pn', device.id), lid: jidOf(person, 'lid', device.id) }),
    stanza('platform', { name: 'android' }),
  ]
  const attributes = { from: SERVER, type: 'set', id: messageId(world), t: seconds(), xmlns: 'md' }
  connection.send(stanza('iq', attributes, [stanza('pair-success', {}, content)]))
  const answered = await answer
  if (answered === 'late') {
    connection.end()
    throw new ControlError(504, 'pairing_timed_out', 'The device did not answer in time.')
  }
  if (answered === 'gone') {
    throw new ControlError(422, 'device_refused', 'The device did not accept this phone, or went away.')
  }
  const complete = answered && Buffer.from(completeIdentity(answered, unsigned.accountSignatureKey))
  if (!complete || !deviceIdentityIsValid(person, candidate.identity, complete)) {
    connection.send(stanza('stream:error', { code: 401 }))
    connection.end()
    throw new ControlError(
      422,
      'device_signature_invalid',
      'The device could not prove that it holds the keys of this code.',
    )
  }
  return complete
}

/** The companion leaves the account's key out of its answer; it belongs into what is kept. */
function completeIdentity(answer: Buffer, accountSignatureKey: Buffer): Uint8Array {
  const identity = proto.ADVSignedDeviceIdentity.decode(answer)
  identity.accountSignatureKey = accountSignatureKey
  return proto.ADVSignedDeviceIdentity.encode(identity).finish()
}

function newDevice(person: Person, candidate: Candidate): Device {
  let id = person.lastDevice
  // 99 is reserved for hosted devices; a number is used again only after all of them were.
  do id = (id % 98) + 1
  while (person.devices.some((each) => each.id === id))
  const { noise, identity, registrationId, signedPreKey, platform } = candidate
  return {
    id,
    keyIndex: id,
    noise,
    identity,
    registrationId,
    signedPreKey,
    preKeys: [],
    platform,
    linkedAt: seconds(),
    deviceIdentity: Buffer.alloc(0),
    queue: [],
    historySent: false,
    lowPreKeysTold: false,
  }
}

function readCandidate({ clientStatic, payload }: ClientFinish): Candidate | undefined {
  const data = payload.devicePairingData
  if (data?.eIdent?.length !== 32 || data.eSkeyVal?.length !== 32 || !data.eSkeySig || !data.eSkeyId || !data.eRegid)
    return undefined
  if (!verify(data.eIdent, signalPublicKey(data.eSkeyVal), data.eSkeySig)) return undefined
  const props = data.deviceProps?.length ? proto.DeviceProps.decode(data.deviceProps) : undefined
  const type = proto.DeviceProps.PlatformType[props?.platformType ?? 0] ?? 'UNKNOWN'
  return {
    noise: clientStatic,
    identity: Buffer.from(data.eIdent),
    registrationId: Buffer.from(data.eRegid).readUInt32BE(0),
    signedPreKey: {
      id: Buffer.from(data.eSkeyId).readUIntBE(0, 3),
      value: Buffer.from(data.eSkeyVal),
      signature: Buffer.from(data.eSkeySig),
    },
    platform: `${props?.os ?? 'unknown'} ${type.toLowerCase()}`,
    references: [],
  }
}
