import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'
import type { World } from './world.ts'

/** What a message says of a file that it refers to. */
export interface MediaReference {
  mediaKey: Buffer
  directPath: string
  fileSha256: Buffer
  fileEncSha256: Buffer
  fileLength: number
}

/** What a key is derived for (Baileys `MEDIA_HKDF_KEY_MAPPING`): stickers go as images, ptv and gif as videos, voice notes as audio. */
export type MediaPurpose = 'History' | 'App State' | 'Image' | 'Video' | 'Audio' | 'Document'

/** Encrypts a file as WhatsApp does and keeps it for `GET <directPath>`. Kept in memory only. */
export function storeMedia(world: World, purpose: MediaPurpose, plain: Uint8Array): MediaReference {
  const mediaKey = world.random.bytes(32)
  const file = encryptMedia(mediaKey, purpose, plain)
  const fileEncSha256 = createHash('sha256').update(file).digest()
  const directPath = keepMedia(world, file, fileEncSha256)
  const fileSha256 = createHash('sha256').update(plain).digest()
  return { mediaKey, directPath, fileSha256, fileEncSha256, fileLength: plain.length }
}

/** Puts an encrypted file on the media host; answers its path there. */
export function keepMedia(world: World, file: Buffer, fileEncSha256: Buffer, again = ''): string {
  const directPath = `/v/t62.simulator/${fileEncSha256.toString('base64url')}${again}`
  world.media.set(directPath, file)
  return directPath
}

/**
 * AES-256-CBC, then the first 10 bytes of HMAC-SHA256 over IV and ciphertext; keys are HKDF-SHA256(media key, 112, `WhatsApp <purpose> Keys`): IV 16,
 * cipher 32, MAC 32 (Baileys `getMediaKeys`).
 */
export function encryptMedia(mediaKey: Uint8Array, purpose: MediaPurpose, plain: Uint8Array): Buffer {
  const { iv, cipherKey, macKey } = mediaKeys(mediaKey, purpose)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
  const mac = createHmac('sha256', macKey).update(iv).update(encrypted).digest().subarray(0, 10)
  return Buffer.concat([encrypted, mac])
}

/** The file of a message as a phone opens it, all checks made. @throws with what is wrong */
export function openMedia(world: World, purpose: MediaPurpose, reference: Omit<MediaReference, 'fileLength'>): Buffer {
  const file = world.media.get(new URL(reference.directPath, 'https://media.invalid').pathname)
  if (!file) throw new Error('the media host does not have the file')
  const { iv, cipherKey, macKey } = mediaKeys(reference.mediaKey, purpose)
  if (!createHash('sha256').update(file).digest().equals(reference.fileEncSha256))
    throw new Error('wrong digest of the encrypted file')
  const encrypted = file.subarray(0, -10)
  const mac = createHmac('sha256', macKey).update(iv).update(encrypted).digest().subarray(0, 10)
  if (!mac.equals(file.subarray(-10))) throw new Error('wrong MAC')
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  const plain = Buffer.concat([decipher.update(encrypted), decipher.final()])
  if (!createHash('sha256').update(plain).digest().equals(reference.fileSha256))
    throw new Error('wrong digest of the file')
  return plain
}

function mediaKeys(mediaKey: Uint8Array, purpose: MediaPurpose): { iv: Buffer; cipherKey: Buffer; macKey: Buffer } {
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), `WhatsApp ${purpose} Keys`, 112))
  return { iv: keys.subarray(0, 16), cipherKey: keys.subarray(16, 48), macKey: keys.subarray(48, 80) }
}
