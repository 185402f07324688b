import type { Connection } from './connection.ts'
import { enqueue } from './delivery-queue.ts'
import { failIq, replyIq } from './iq-reply.ts'
import { parseJid } from './jid.ts'
import { KEY_TYPE, seededKeyPair, signalPublicKey, verify } from './key-pair.ts'
import { SERVER, bigEndian, bytesOf, child, children, numberOf, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { findPerson, messageId, seconds, type World } from './world.ts'

/** What somebody needs to begin a Signal session with a device: public halves only. */
export interface PreKeyBundle {
  registrationId: number
  identity: Buffer
  signedPreKey: { id: number; value: Buffer; signature: Buffer }
  preKey?: { id: number; value: Buffer }
}

/** `xmlns=encrypt`: count, digest and bundles (get); upload and rotation (set). */
export function answerEncryptIq(world: World, connection: Connection, node: Stanza): boolean {
  const device = connection.login?.device
  if (!device) return false
  if (child(node, 'count')) {
    replyIq(connection, node, [stanza('count', { value: device.preKeys.length })])
  } else if (child(node, 'digest')) {
    replyIq(connection, node, [digest(device)])
  } else if (child(node, 'key')) {
    const users = children(child(node, 'key'), 'user').map((user) => bundleFor(world, user.attrs.jid ?? ''))
    replyIq(connection, node, [stanza('list', {}, users)])
  } else if (child(node, 'list')) {
    upload(world, connection, device, node)
  } else if (child(node, 'rotate')) {
    rotate(world, connection, device, node)
  } else return false
  return true
}

/** The bundle of a phone, with a one-time key of its own. */
export function phoneBundle(world: World, person: Person): PreKeyBundle {
  const preKey = { id: person.nextPreKeyId++, pair: seededKeyPair(world.random) }
  person.preKeys.push(preKey)
  if (person.preKeys.length > KEPT_PREKEYS) person.preKeys.shift()
  world.changed()
  const { id, pair, signature } = person.signedPreKey
  return {
    registrationId: person.registrationId,
    identity: person.identity.public,
    signedPreKey: { id, value: pair.public, signature },
    preKey: { id: preKey.id, value: preKey.pair.public },
  }
}

/** The bundle of a companion; uses up one of its one-time keys, and tells it when few are left. */
export function deviceBundle(world: World, person: Person, device: Device): PreKeyBundle {
  const preKey = device.preKeys.shift()
  world.changed()
  warnOfFewPreKeys(world, person, device)
  const { registrationId, identity, signedPreKey } = device
  return { registrationId, identity, signedPreKey, ...(preKey && { preKey }) }
}

/** Tells a companion, once until it uploads, that few of its one-time keys are left. */
export function warnOfFewPreKeys(world: World, person: Person, device: Device): void {
  if (device.preKeys.length >= LOW || device.lowPreKeysTold) return
  device.lowPreKeysTold = true
  world.changed()
  const attributes = { id: messageId(world), from: SERVER, type: 'encrypt', t: seconds() }
  const count = stanza('count', { value: device.preKeys.length })
  enqueue(world, person, device, stanza('notification', attributes, [count]))
}

/** The parts of a bundle as stanzas, as they stand in `<user>` and in a retry receipt's `<keys>`. */
export function bundleStanzas(bundle: PreKeyBundle): Stanza[] {
  return [
    stanza('type', {}, KEY_TYPE),
    stanza('identity', {}, bundle.identity),
    ...(bundle.preKey ? [keyStanza('key', bundle.preKey)] : []),
    keyStanza('skey', bundle.signedPreKey),
  ]
}

/** Reads what `bundleStanzas` makes, or undefined when something is missing. */
export function readBundle(keys: Stanza | undefined, registrationId: number | undefined): PreKeyBundle | undefined {
  const identity = bytesOf(child(keys, 'identity'))
  const signed = readKey(child(keys, 'skey'))
  const signature = bytesOf(child(child(keys, 'skey'), 'signature'))
  const preKey = readKey(child(keys, 'key'))
  if (!identity || !signed || !signature || registrationId === undefined) return undefined
  return { registrationId, identity, signedPreKey: { ...signed, signature }, ...(preKey && { preKey }) }
}

/** Baileys tops up below 5 (MIN_PREKEY_COUNT), so that is when the server speaks up. */
const LOW = 5
const KEPT_PREKEYS = 2000

function bundleFor(world: World, jid: string): Stanza {
  const parsed = parseJid(jid)
  const person = parsed && findPerson(world, jid)
  const device = person?.devices.find((each) => each.id === parsed?.device)
  if (!person || (parsed?.device !== 0 && !device)) {
    return stanza('user', { jid }, [stanza('error', { code: 404, text: 'item-not-found' })])
  }
  const bundle = device ? deviceBundle(world, person, device) : phoneBundle(world, person)
  const proof = device ? [stanza('device-identity', {}, device.deviceIdentity)] : []
  const registration = stanza('registration', {}, bigEndian(bundle.registrationId, 4))
  return stanza('user', { jid }, [registration, ...bundleStanzas(bundle), ...proof])
}

function upload(world: World, connection: Connection, device: Device, node: Stanza): void {
  const bundle = readBundle(node, numberOf(child(node, 'registration')))
  const keys = children(child(node, 'list'), 'key').map(readKey)
  const complete = keys.filter((key) => key !== undefined)
  if (!bundle || complete.length !== keys.length || keys.length === 0 || !bundle.identity.equals(device.identity)) {
    failIq(connection, node, 406, 'not-acceptable')
    return
  }
  if (!acceptSigned(device, bundle.signedPreKey)) {
    failIq(connection, node, 406, 'not-acceptable')
    return
  }
  device.registrationId = bundle.registrationId
  const ids = new Set(complete.map((key) => key.id))
  device.preKeys = [...device.preKeys.filter((key) => !ids.has(key.id)), ...complete]
  device.lowPreKeysTold = false
  world.changed()
  replyIq(connection, node)
}

function rotate(world: World, connection: Connection, device: Device, node: Stanza): void {
  const skey = child(child(node, 'rotate'), 'skey')
  const key = readKey(skey)
  const signature = bytesOf(child(skey, 'signature'))
  if (!key || !signature || !acceptSigned(device, { ...key, signature })) {
    failIq(connection, node, 406, 'not-acceptable')
    return
  }
  world.changed()
  replyIq(connection, node)
}

function acceptSigned(device: Device, key: { id: number; value: Buffer; signature: Buffer }): boolean {
  if (!verify(device.identity, signalPublicKey(key.value), key.signature)) return false
  device.signedPreKey = key
  return true
}

function digest(device: Device): Stanza {
  const ids = device.preKeys.map((key) => stanza('id', {}, bigEndian(key.id, 3)))
  return stanza('digest', {}, [
    stanza('registration', {}, bigEndian(device.registrationId, 4)),
    stanza('type', {}, KEY_TYPE),
    stanza('identity', {}, device.identity),
    keyStanza('skey', device.signedPreKey),
    stanza('list', {}, ids),
  ])
}

function keyStanza(tag: string, key: { id: number; value: Buffer; signature?: Buffer }): Stanza {
  const signature = key.signature ? [stanza('signature', {}, key.signature)] : []
  return stanza(tag, {}, [stanza('id', {}, bigEndian(key.id, 3)), stanza('value', {}, key.value), ...signature])
}

function readKey(node: Stanza | undefined): { id: number; value: Buffer } | undefined {
  const id = numberOf(child(node, 'id'))
  const value = bytesOf(child(node, 'value'))
  return id === undefined || value?.length !== 32 ? undefined : { id, value }
}
