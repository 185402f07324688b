import { createPublicKey, verify } from 'node:crypto'

/** The field that both forms of the curve are over: 2^255 - 19. */
const prime = 2n ** 255n - 19n
/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410, section 10.1). */
const ed25519Header = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Whether an XEdDSA signature (64 bytes) over a message is that of an X25519 key (32 bytes): the key is turned into its Ed25519 form,
 * with the sign that the signature carries in its last bit, and OpenSSL verifies. False for anything malformed; throws nothing.
 * Source: The XEdDSA and VXEdDSA Signature Schemes, revision 1, section 2.3, and the place of the sign bit as in libsignal.
 */
export function verifyXeddsa(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const edwards = edwardsY(publicKey)
  const scalar = Buffer.from(signature)
  const sign = (scalar[63] ?? 0) & 0x80
  scalar[63] = (scalar[63] ?? 0) & 0x7f
  edwards[31] = (edwards[31] ?? 0) | sign
  try {
    const key = createPublicKey({ key: Buffer.concat([ed25519Header, edwards]), format: 'der', type: 'spki' })
    return verify(null, message, key, scalar)
  } catch {
    // No point of the curve.
    return false
  }
}

/** The birational map y = (u - 1) / (u + 1) of RFC 7748, section 4.1; little-endian, like the keys. */
function edwardsY(publicKey: Uint8Array): Buffer {
  const u = BigInt(`0x${Buffer.from(publicKey).reverse().toString('hex')}`) & ((1n << 255n) - 1n)
  const y = modulo((u - 1n) * power(u + 1n, prime - 2n))
  return Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = modulo(base), left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % prime
    square = (square * square) % prime
  }
  return result
}

function modulo(value: bigint): bigint {
  return ((value % prime) + prime) % prime
}
