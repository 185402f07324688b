import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/** A key (PKCS #8, DER) and its X.509 certificate (DER). */
export interface Certified {
  key: Buffer
  certificate: Buffer
}

/**
 * Makes an authority of one's own, whose certificate clients are told to trust for the media host. WhatsApp's media host has an
 * ordinary web certificate; clients take nothing but https.
 */
export function createAuthority(now: number): Certified {
  const pair = newKey()
  const subject = { key: pair, name: NAMES.authority }
  return certify(subject, { key: pair, name: NAMES.authority }, now, 3650, [
    extension(OIDS.basicConstraints, sequence(TRUE), true),
    extension(OIDS.keyUsage, tlv(0x03, Buffer.from([1, 0x06])), true),
  ])
}

/** A certificate for loopback, issued by the authority. */
export function certifyLoopback(authority: Certified, now: number): Certified {
  const key = createPrivateKey({ key: authority.key, format: 'der', type: 'pkcs8' })
  const names = sequence(tlv(0x87, Buffer.from([127, 0, 0, 1])), tlv(0x82, Buffer.from('localhost')))
  return certify({ key: newKey(), name: NAMES.host }, { key, name: NAMES.authority }, now, 365, [
    extension(OIDS.basicConstraints, sequence(), true),
    extension(OIDS.subjectAltName, names),
  ])
}

/** DER as PEM, the form that TLS takes. */
export function pem(label: 'CERTIFICATE' | 'PRIVATE KEY', der: Buffer): string {
  return `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`
}

interface Party {
  key: KeyObject
  name: string
}

const NAMES = { authority: 'WhatsApp simulator', host: 'media host of the WhatsApp simulator' }
const OIDS = {
  ecdsaWithSha256: Buffer.from('2a8648ce3d040302', 'hex'),
  commonName: Buffer.from('550403', 'hex'),
  basicConstraints: Buffer.from('551d13', 'hex'),
  keyUsage: Buffer.from('551d0f', 'hex'),
  subjectAltName: Buffer.from('551d11', 'hex'),
}
const TRUE = tlv(0x01, Buffer.from([0xff]))
const DAY_MS = 86_400_000

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** An X.509 version 3 certificate (RFC 5280, 4.1), signed with ECDSA and SHA-256. */
function certify(subject: Party, issuer: Party, now: number, days: number, extensions: Buffer[]): Certified {
  const algorithm = sequence(tlv(0x06, OIDS.ecdsaWithSha256))
  const serial = randomBytes(16)
  // A positive number of full length.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const signed = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    algorithm,
    distinguishedName(issuer.name),
    sequence(utcTime(now - DAY_MS), utcTime(now + days * DAY_MS)),
    distinguishedName(subject.name),
    createPublicKey(subject.key).export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', signed, { key: issuer.key, dsaEncoding: 'der' })
  return {
    key: subject.key.export({ format: 'der', type: 'pkcs8' }),
    certificate: sequence(signed, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature]))),
  }
}

function extension(oid: Buffer, value: Buffer, critical = false): Buffer {
  return sequence(tlv(0x06, oid), ...(critical ? [TRUE] : []), tlv(0x04, value))
}

function distinguishedName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(tlv(0x06, OIDS.commonName), tlv(0x0c, Buffer.from(name)))))
}

function utcTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '')
  return tlv(0x17, Buffer.from(`${digits.slice(2, 14)}Z`))
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value
  const header =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(header), value])
}
