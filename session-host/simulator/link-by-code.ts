import { createCipheriv, createDecipheriv, hkdfSync, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import type { Connection } from './connection.ts'
import { ControlError } from './control-error.ts'
import { failIq, replyIq } from './iq-reply.ts'
import { parseJid } from './jid.ts'
import { agree, ephemeralKeyPair } from './key-pair.ts'
import { checkLinkable, link, type Candidate, type CodeRequest } from './pairing.ts'
import { SERVER, bytesOf, child, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { findPerson, messageId, seconds, type World } from './world.ts'

/**
 * A person types the pairing code that a device shows. Both ends prove by it that they know the code, and agree on the ADV secret.
 * Steps after Baileys `requestPairingCode` and `link_code_companion_reg`: primary_hello to the device, companion_finish from it, then as by QR.
 * @throws ControlError `no_code_requested` 409, `wrong_code` 422, and what linking throws
 */
export async function linkByCode(
  world: World,
  person: Person,
  typed: string,
  candidates: ReadonlyMap<Connection, Candidate>,
): Promise<Device> {
  const [connection, candidate] = [...candidates].findLast(([, each]) => each.byCode?.number === person.number) ?? []
  const request = candidate?.byCode
  if (!connection?.open || !candidate || !request) {
    throw new ControlError(409, 'no_code_requested', 'No device has asked to be linked to this number by a code.')
  }
  checkLinkable(person, candidate)
  const code = typed.replace(/[^0-9A-Za-z]/g, '').toUpperCase()
  const theirs = await unwrap(request.wrappedEphemeral, code)
  const mine = ephemeralKeyPair()
  const finished = new Promise<Parameters<NonNullable<CodeRequest['finished']>>[0]>((resolve) => {
    request.finished = resolve
  })
  const hello = stanza('link_code_companion_reg', { stage: 'primary_hello' }, [
    stanza('link_code_pairing_wrapped_primary_ephemeral_pub', {}, await wrap(world, mine.public, code)),
    stanza('primary_identity_pub', {}, person.identity.public),
    stanza('link_code_pairing_ref', {}, request.reference),
  ])
  const attributes = { from: SERVER, type: 'link_code_companion_reg', id: messageId(world), t: seconds() }
  connection.send(stanza('notification', attributes, [hello]))
  const bundle = await finished
  if (bundle === 'gone') throw new ControlError(422, 'device_refused', 'The device went away.')
  const shared = agree(mine.private, theirs)
  const random = openBundle(shared, bundle, candidate, person)
  const identityShared = agree(person.identity.private, candidate.identity)
  const secret = Buffer.from(hkdfSync('sha256', Buffer.concat([shared, identityShared, random]), '', 'adv_secret', 32))
  return link(world, person, connection, candidate, secret)
}

/** The device's two steps (`link_code_companion_reg`); false when the stanza is something else. */
export function acceptCodeRequest(
  world: World,
  connection: Connection,
  candidate: Candidate | undefined,
  query: Stanza,
): boolean {
  const step = child(query, 'link_code_companion_reg')
  if (!candidate || !step || query.attrs.type !== 'set') return false
  if (step.attrs.stage === 'companion_hello') {
    const wrappedEphemeral = bytesOf(child(step, 'link_code_pairing_wrapped_companion_ephemeral_pub'))
    const number = parseJid(step.attrs.jid)?.user
    if (wrappedEphemeral?.length !== 80 || number === undefined) return false
    if (!findPerson(world, number)) {
      failIq(connection, query, 404, 'item-not-found')
      return true
    }
    const reference = world.random.bytes(24)
    candidate.byCode = { number, wrappedEphemeral, reference }
    const ref = stanza('link_code_pairing_ref', {}, reference)
    replyIq(connection, query, [stanza('link_code_companion_reg', { stage: 'companion_hello' }, [ref])])
    world.events.publish('code.requested', number)
    return true
  }
  const wrapped = bytesOf(child(step, 'link_code_pairing_wrapped_key_bundle'))
  const identity = bytesOf(child(step, 'companion_identity_public'))
  const finished = candidate.byCode?.finished
  if (step.attrs.stage !== 'companion_finish' || !wrapped || !identity || !finished) return false
  replyIq(connection, query)
  finished({ wrapped, identity })
  return true
}

const ROUNDS = 131_072
const BUNDLE_INFO = 'link_code_pairing_key_bundle_encryption_key'

function codeKey(code: string, salt: Buffer): Promise<Buffer> {
  return promisify(pbkdf2)(code, salt, ROUNDS, 32, 'sha256')
}

/** salt 32 | iv 16 | AES-256-CTR of the key. It has no seal: a wrong code gives a wrong key, which the next step brings to light. */
async function unwrap(wrapped: Buffer, code: string): Promise<Buffer> {
  const key = await codeKey(code, wrapped.subarray(0, 32))
  const cipher = createDecipheriv('aes-256-ctr', key, wrapped.subarray(32, 48))
  return Buffer.concat([cipher.update(wrapped.subarray(48)), cipher.final()])
}

async function wrap(world: World, publicKey: Buffer, code: string): Promise<Buffer> {
  const salt = world.random.bytes(32)
  const iv = world.random.bytes(16)
  const cipher = createCipheriv('aes-256-ctr', await codeKey(code, salt), iv)
  return Buffer.concat([salt, iv, cipher.update(publicKey), cipher.final()])
}

/** salt 32 | iv 12 | AES-256-GCM of device identity, phone identity, random; gives the random part. */
function openBundle(
  shared: Buffer,
  bundle: { wrapped: Buffer; identity: Buffer },
  candidate: Candidate,
  person: Person,
): Buffer {
  const { wrapped, identity } = bundle
  const key = Buffer.from(hkdfSync('sha256', shared, wrapped.subarray(0, 32), BUNDLE_INFO, 32))
  const cipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(32, 44))
  cipher.setAuthTag(wrapped.subarray(-16))
  let plain: Buffer
  try {
    plain = Buffer.concat([cipher.update(wrapped.subarray(44, -16)), cipher.final()])
  } catch {
    throw new ControlError(422, 'wrong_code', 'This is not the code that the device shows.')
  }
  const [device, phone, random] = [plain.subarray(0, 32), plain.subarray(32, 64), plain.subarray(64)]
  if (
    !device.equals(candidate.identity) ||
    !identity.equals(candidate.identity) ||
    !phone.equals(person.identity.public)
  ) {
    throw new ControlError(422, 'wrong_code', 'The device that answered is not the one that asked.')
  }
  return random
}
