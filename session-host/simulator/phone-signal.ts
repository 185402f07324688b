import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import * as libsignal from 'libsignal'
import { PreKeyWhisperMessage, WhisperMessage } from 'libsignal/src/protobufs.js'
import { seededKeyPair, sign, signalPublicKey, verify } from './key-pair.ts'
import { deviceBundle, type PreKeyBundle } from './prekeys.ts'
import type { Device, Person } from './state.ts'
import type { World } from './world.ts'

/** A message encrypted for one device. */
export interface Encrypted {
  type: 'pkmsg' | 'msg'
  ciphertext: Buffer
}

/**
 * The phone's Signal end: encrypts for a companion (of its own or of somebody else). Begins a session from the companion's uploaded keys
 * when there is none, or from `fresh` when a retry asks for a new one.
 */
export async function encryptFor(
  world: World,
  person: Person,
  target: { person: Person; device: Device },
  content: Uint8Array,
  fresh?: PreKeyBundle | 'from-server',
): Promise<Encrypted> {
  const store = signalStore(world, person)
  const address = addressOf(person, target)
  const record = await store.loadSession(address.toString())
  if (fresh || !record?.haveOpenSession()) {
    const bundle = fresh && fresh !== 'from-server' ? fresh : deviceBundle(world, target.person, target.device)
    await new libsignal.SessionBuilder(store, address).initOutgoing({
      registrationId: bundle.registrationId,
      identityKey: signalPublicKey(bundle.identity),
      signedPreKey: {
        keyId: bundle.signedPreKey.id,
        publicKey: signalPublicKey(bundle.signedPreKey.value),
        signature: bundle.signedPreKey.signature,
      },
      ...(bundle.preKey && { preKey: { keyId: bundle.preKey.id, publicKey: signalPublicKey(bundle.preKey.value) } }),
    } as Parameters<libsignal.SessionBuilder['initOutgoing']>[0])
  }
  if (world.faults.take('unknown_session', target.person.number)) {
    return { type: 'msg', ciphertext: strangeCiphertext(world) }
  }
  const malformed = world.faults.take('malformed_messages', target.person.number)
  const plain = malformed ? Buffer.from('ffffffffffffffffffff', 'hex') : content
  const { type, body } = await new libsignal.SessionCipher(store, address).encrypt(padded(world, plain))
  const ciphertext = Buffer.from(body, 'latin1')
  if (world.faults.take('corrupt_messages', target.person.number)) {
    const last = ciphertext.length - 1
    ciphertext[last] = (ciphertext[last] ?? 0) ^ 255
  }
  return { type: type === 3 ? 'pkmsg' : 'msg', ciphertext }
}

/**
 * A well-formed Signal message of no session: version byte 3/3, `WhisperMessage` {ratchet key, counter, previous counter, ciphertext},
 * MAC of 8 bytes (libsignal `session_cipher.js`).
 */
function strangeCiphertext(world: World): Buffer {
  const body = WhisperMessage.encode({
    ephemeralKey: signalPublicKey(seededKeyPair(world.random).public),
    counter: 0,
    previousCounter: 0,
    ciphertext: world.random.bytes(64),
  }).finish()
  return Buffer.concat([Buffer.from([0x33]), body, world.random.bytes(8)])
}

/**
 * Takes the other end's answer for granted: from now on messages to it are `msg`, without the pre-keys of a first one. Only true when the other
 * end has read such a first message. No ratchet step is taken, as a real answer would.
 */
export function markSessionAnswered(world: World, person: Person, target: { person: Person; device: Device }): void {
  const record = person.sessions[addressOf(person, target).toString()]
  if (typeof record !== 'object' || record === null || !('_sessions' in record)) return
  for (const session of Object.values(record._sessions as Record<string, { pendingPreKey?: unknown }>)) {
    delete session.pendingPreKey
  }
  world.changed()
}

/** Why a phone could not read a message. */
export type DecryptFailure = 'unreadable' | 'identity_not_proven'

/** The phone reads what a companion encrypted for it. A first message must come with the companion's signed identity. */
export async function decryptFrom(
  world: World,
  person: Person,
  sender: { person: Person; device: Device },
  message: { encryption: string; ciphertext: Buffer; deviceIdentity?: Buffer },
): Promise<{ content: Buffer } | { failure: DecryptFailure }> {
  const cipher = new libsignal.SessionCipher(signalStore(world, person), addressOf(person, sender))
  try {
    if (message.encryption !== 'pkmsg') {
      return { content: unpad(await cipher.decryptWhisperMessage(message.ciphertext)) }
    }
    if (!proven(sender, message)) return { failure: 'identity_not_proven' }
    return { content: unpad(await cipher.decryptPreKeyWhisperMessage(message.ciphertext)) }
  } catch {
    return { failure: 'unreadable' }
  }
}

/** What the phone signs when it links a companion: prefix 06 00, the details, the companion's identity. */
export function signDevice(person: Person, details: Uint8Array, companionIdentity: Uint8Array): Buffer {
  return sign(person.identity.private, accountMessage(details, companionIdentity))
}

/** Whether both signatures of a companion's identity are right: the account's (06 00) and the device's own (06 01). */
export function deviceIdentityIsValid(person: Person, companionIdentity: Uint8Array, encoded: Uint8Array): boolean {
  const { details, accountSignature, accountSignatureKey, deviceSignature } =
    proto.ADVSignedDeviceIdentity.decode(encoded)
  if (!details || !accountSignature || !deviceSignature) return false
  if (accountSignatureKey?.length && !person.identity.public.equals(accountSignatureKey)) return false
  const own = Buffer.concat([DEVICE_PREFIX, details, companionIdentity, person.identity.public])
  return (
    verify(person.identity.public, accountMessage(details, companionIdentity), accountSignature) &&
    verify(companionIdentity, own, deviceSignature)
  )
}

const ACCOUNT_PREFIX = Buffer.from([6, 0])
const DEVICE_PREFIX = Buffer.from([6, 1])

function accountMessage(details: Uint8Array, companionIdentity: Uint8Array): Buffer {
  return Buffer.concat([ACCOUNT_PREFIX, details, companionIdentity])
}

function proven(
  sender: { person: Person; device: Device },
  message: { ciphertext: Buffer; deviceIdentity?: Buffer },
): boolean {
  const { identityKey } = PreKeyWhisperMessage.decode(message.ciphertext.subarray(1))
  if (!identityKey || !signalPublicKey(sender.device.identity).equals(identityKey)) return false
  const shown = message.deviceIdentity
  if (!shown) return false
  // What was verified at linking need not be verified again: XEdDSA in JavaScript takes milliseconds.
  if (sender.device.deviceIdentity.equals(shown)) return true
  return deviceIdentityIsValid(sender.person, sender.device.identity, shown)
}

/** Addresses are local names. They begin with the owner, because libsignal queues its work by address for the whole process. */
function addressOf(owner: Person, other: { person: Person; device: Device }): libsignal.ProtocolAddress {
  return new libsignal.ProtocolAddress(`${owner.number}>${other.person.lid}`, other.device.id)
}

function signalStore(world: World, person: Person): libsignal.SignalStorage {
  const halves = (pair: { private: Buffer; public: Buffer }): { privKey: Buffer; pubKey: Buffer } => ({
    privKey: pair.private,
    pubKey: signalPublicKey(pair.public),
  })
  return {
    loadSession: (id) => {
      const record = person.sessions[id]
      return Promise.resolve(
        record === undefined ? undefined : libsignal.SessionRecord.deserialize(record as Uint8Array),
      )
    },
    storeSession: (id, record) => {
      person.sessions[id] = withNewestChains(record.serialize())
      world.changed()
      return Promise.resolve()
    },
    isTrustedIdentity: () => true,
    loadPreKey: (id) => {
      const found = person.preKeys.find((key) => key.id === Number(id))
      return Promise.resolve(found && halves(found.pair))
    },
    removePreKey: (id) => {
      person.preKeys = person.preKeys.filter((key) => key.id !== id)
    },
    loadSignedPreKey: () => halves(person.signedPreKey.pair),
    getOurRegistrationId: () => person.registrationId,
    getOurIdentity: () => halves(person.identity),
  }
}

/** Phones keep five chains to receive on (libsignal, rust/protocol/src/consts.rs); libsignal's JavaScript keeps all there ever were. */
function withNewestChains<T>(record: T): T {
  const { _sessions: sessions } = record as { _sessions: Record<string, { _chains: Record<string, Chain> }> }
  for (const { _chains: chains } of Object.values(sessions)) {
    const receiving = Object.keys(chains).filter((key) => chains[key]?.chainType === 2)
    for (const key of receiving.slice(0, -5)) delete chains[key]
  }
  return record
}

interface Chain {
  /** 1: to send on, 2: to receive on. */
  chainType: number
}

/** WhatsApp pads every message with 1 to 16 bytes of the pad's length. */
export function padded(world: World, content: Uint8Array): Buffer {
  const length = 1 + world.random.below(16)
  return Buffer.concat([content, Buffer.alloc(length, length)])
}

function unpad(bytes: Buffer): Buffer {
  const length = bytes.at(-1) ?? 0
  if (length === 0 || length > bytes.length) throw new Error('bad padding')
  return bytes.subarray(0, bytes.length - length)
}
