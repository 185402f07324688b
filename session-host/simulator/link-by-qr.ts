import type { Connection } from './connection.ts'
import { ControlError } from './control-error.ts'
import { checkLinkable, link, type Candidate } from './pairing.ts'
import type { Device, Person } from './state.ts'
import type { World } from './world.ts'

/**
 * A phone scans a QR text: it checks that the keys in it are the connecting device's, then links it.
 * Text (Baileys `buildPairingQRData`): `[https://wa.me/settings/linked_devices#]reference,noise key,identity key,ADV secret,platform`, keys in base64.
 * @throws ControlError what is wrong with the code
 */
export async function linkByQr(
  world: World,
  person: Person,
  text: string,
  candidates: ReadonlyMap<Connection, Candidate>,
): Promise<Device> {
  const qr = readQr(text)
  const connection = world.references.get(qr.reference)
  const candidate = connection && candidates.get(connection)
  if (!connection?.open || !candidate) {
    throw new ControlError(410, 'qr_expired', 'This code is no longer valid. Show a new one.')
  }
  if (!candidate.noise.equals(qr.noise) || !candidate.identity.equals(qr.identity)) {
    throw new ControlError(422, 'qr_forged', 'The keys in this code are not those of the device that shows it.')
  }
  checkLinkable(person, candidate)
  return link(world, person, connection, candidate, qr.secret)
}

const QR_PREFIX = 'https://wa.me/settings/linked_devices#'

function readQr(text: string): { reference: string; noise: Buffer; identity: Buffer; secret: Buffer } {
  const body = text.startsWith(QR_PREFIX) ? text.slice(QR_PREFIX.length) : text
  const [reference = '', noise = '', identity = '', secret = ''] = body.trim().split(',')
  const keys = [noise, identity, secret].map((part) => Buffer.from(part, 'base64'))
  if (!reference || keys.some((key) => key.length !== 32)) {
    throw new ControlError(422, 'not_a_whatsapp_qr', 'This is not a code for linking a device.')
  }
  const [noiseKey, identityKey, secretKey] = keys as [Buffer, Buffer, Buffer]
  return { reference, noise: noiseKey, identity: identityKey, secret: secretKey }
}
