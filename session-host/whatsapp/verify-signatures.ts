import { Curve, WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import { verifyXeddsa } from './xeddsa.ts'

/**
 * Restores signature verification: Baileys 7.0.0-rc14's Curve.verify (Utils/crypto.js:23) ignores libsignal's boolean and says true to
 * any well-formed signature, so neither the Noise certificate chain nor the ADV account signature is checked. Its modules call the
 * method on the exported object, which is why replacing it there is enough. libsignal's own verification takes some 20 ms of pure
 * JavaScript a signature, two at each connection, while no other session can do anything; this one takes half a millisecond. Throws when
 * a wrong signature is still accepted.
 */
export function restoreSignatureVerification(): void {
  Curve.verify = verifySignature
  if (!refusesForgery()) throw new Error('signature verification could not be restored: a forged signature is accepted')
}

/**
 * Trusts another root of the Noise certificate chain than WhatsApp's, for a protocol-compatible server on loopback (configuration lets
 * no other endpoint name one). Baileys reads the exported object at each handshake (noise-handler.js:154).
 */
export function trustRootCertificate(publicKeyHex: string): void {
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(publicKeyHex, 'hex')
}

/** Baileys hands on keys as they came, some with the type byte that libsignal puts in front (5). */
function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const bare = publicKey.length === 33 && publicKey[0] === 5 ? publicKey.subarray(1) : publicKey
  return verifyXeddsa(bare, message, signature)
}

function refusesForgery(): boolean {
  const [signer, other] = [Curve.generateKeyPair(), Curve.generateKeyPair()]
  const message = Buffer.from('signed by the first key')
  const signature = Curve.sign(signer.private, message)
  return Curve.verify(signer.public, message, signature) && !Curve.verify(other.public, message, signature)
}
