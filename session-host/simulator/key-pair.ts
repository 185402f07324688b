import { createPrivateKey, createPublicKey } from 'node:crypto'
import { Curve } from '@whiskeysockets/baileys/lib/Utils/crypto.js'
import { verifySignature } from 'libsignal/src/curve.js'
import type { SeededSource } from './seeded-source.ts'

/** A Curve25519 key pair, both halves as their raw 32 bytes. */
export interface KeyPair {
  private: Buffer
  public: Buffer
}

/** A key pair derived from the simulator's seed, so that the same seed gives the same server and the same people. */
export function seededKeyPair(random: SeededSource): KeyPair {
  const secret = random.bytes(32)
  secret[0] = (secret[0] ?? 0) & 248
  secret[31] = ((secret[31] ?? 0) & 127) | 64
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, secret]), format: 'der', type: 'pkcs8' })
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return { private: secret, public: der.subarray(der.length - 32) }
}

/** A key pair that lives for one handshake. */
export function ephemeralKeyPair(): KeyPair {
  const { private: secret, public: open } = Curve.generateKeyPair()
  return { private: Buffer.from(secret), public: Buffer.from(open) }
}

/** X25519 of the own private and the other's public key (32 raw bytes, or 33 with Signal's type byte). */
export function agree(privateKey: Buffer, publicKey: Uint8Array): Buffer {
  return Curve.sharedKey(privateKey, publicKey)
}

/** XEdDSA signature, 64 bytes. */
export function sign(privateKey: Buffer, message: Uint8Array): Buffer {
  return Buffer.from(Curve.sign(privateKey, message))
}

/** Whether the XEdDSA signature is the key owner's (libsignal's own answer; Baileys' `Curve.verify` ignores it). Malformed input is a plain `false`. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if ((publicKey.length !== 32 && publicKey.length !== 33) || signature.length !== 64) return false
  return verifySignature(signalPublicKey(publicKey), message, Buffer.from(signature)) === true
}

/** The 33-byte form that Signal structures carry: type byte 05, then the key. */
export function signalPublicKey(key: Uint8Array): Buffer {
  return key.length === 33 ? Buffer.from(key) : Buffer.concat([KEY_TYPE, key])
}

/** Signal's "DJB" key type. */
export const KEY_TYPE: Buffer = Buffer.from([5])

/** DER prefix of a PKCS#8 X25519 private key (RFC 8410). */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')
