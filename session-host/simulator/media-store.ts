import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'
import type { World } from './world.ts'

/** What a message says of a file that it refers to. */
export interface MediaReference {
  mediaKey: Buffer
  directPath: string
  fileSha256: Buffer
  fileEncSha256: Buffer
  fileLength: number
}

/**
 * Encrypts a file as WhatsApp does and keeps it for `GET <directPath>`: AES-256-CBC, then the first 10 bytes of HMAC-SHA256 over IV and ciphertext;
 * keys are HKDF-SHA256(media key, 112, `WhatsApp <kind> Keys`): IV 16, cipher 32, MAC 32 (Baileys `getMediaKeys`). Kept in memory only.
 */
export function storeMedia(world: World, kind: 'History' | 'App State', plain: Uint8Array): MediaReference {
  const mediaKey = world.random.bytes(32)
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), `WhatsApp ${kind} Keys`, 112))
  const iv = keys.subarray(0, 16)
  const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), iv)
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv).update(encrypted).digest().subarray(0, 10)
  const file = Buffer.concat([encrypted, mac])
  const fileEncSha256 = createHash('sha256').update(file).digest()
  const directPath = `/v/t62.simulator/${fileEncSha256.toString('base64url')}`
  world.media.set(directPath, file)
  return {
    mediaKey,
    directPath,
    fileSha256: createHash('sha256').update(plain).digest(),
    fileEncSha256,
    fileLength: plain.length,
  }
}
