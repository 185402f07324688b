import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

/** A key of AUTH_STATE_KEY: 32 bytes with a name of up to 32 characters. */
export interface AuthStateKey {
  id: string
  key: Buffer
}

/** Encrypts credentials at rest. `context` names what is sealed; bytes moved to another place no longer open. */
export interface SealedBox {
  seal(context: string, plaintext: Buffer): Buffer
  /** Fails with a plain Error when the key is unknown or the bytes are not what was sealed for this context. */
  open(context: string, sealed: Buffer): Buffer
}

const version = 1
const nonceLength = 12
const tagLength = 16

/**
 * AES-256-GCM: version, length of the key's id, id, 96-bit random nonce, ciphertext, tag. The header and the context are authenticated
 * too. The first key seals, every key opens, so a key is rotated by putting a new one in front.
 */
export function createSealedBox(keys: AuthStateKey[]): SealedBox {
  const [first] = keys
  if (!first) throw new Error('no key to encrypt credentials with')
  const byId = new Map(keys.map(({ id, key }) => [id, createSecretKey(key)]))
  const sealing = createSecretKey(first.key)
  const id = Buffer.from(first.id, 'utf8')
  const header = Buffer.concat([Buffer.from([version, id.length]), id])

  return {
    seal(context, plaintext) {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce)
      cipher.setAAD(associatedData(header, context))
      return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    },
    open(context, sealed) {
      const idLength = sealed[1] ?? 0
      const start = 2 + idLength
      if (sealed[0] !== version || sealed.length < start + nonceLength + tagLength)
        throw new Error('sealed bytes are not in a known form')
      const keyId = sealed.subarray(2, start).toString('utf8')
      const key = byId.get(keyId)
      if (!key) throw new Error(`AUTH_STATE_KEY lacks the key "${keyId}" that the stored credentials were written with`)
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(start, start + nonceLength))
      decipher.setAAD(associatedData(sealed.subarray(0, start), context))
      decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
      const body = sealed.subarray(start + nonceLength, sealed.length - tagLength)
      return Buffer.concat([decipher.update(body), decipher.final()])
    },
  }
}

function associatedData(header: Buffer, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(context, 'utf8')])
}
