import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { MediaFailure } from './media-failure.ts'

/** What WhatsApp derives a file's keys for. */
export type MediaPurpose = 'Image' | 'Video' | 'Audio' | 'Document'

/** What a message says of the file that it refers to. */
export interface MediaSource {
  purpose: MediaPurpose
  mediaKey: Uint8Array
  /** Path on WhatsApp's media hosts, query included. */
  directPath: string
  fileSha256: Uint8Array
  /** SHA-256 of the encrypted file, when it is said. */
  fileEncSha256: Uint8Array | null
}

const macLength = 10

/**
 * Decrypts a file of WhatsApp as it comes: AES-256-CBC, then ten bytes of HMAC-SHA256 over IV and ciphertext; the keys are
 * HKDF-SHA256(media key, 112 bytes, `WhatsApp <purpose> Keys`): IV 16, cipher 32, MAC 32 (Baileys `getMediaKeys`). Whether it is what
 * the sender's message says is known at the end only, so the last piece is given when MAC and both digests are right, and not before:
 * whoever passes the pieces on never passes on a whole wrong file. Fails with media_corrupt, or media_too_large.
 */
export async function* decryptMedia(
  encrypted: AsyncIterable<Uint8Array>,
  source: MediaSource,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const keys = Buffer.from(hkdfSync('sha256', source.mediaKey, Buffer.alloc(0), `WhatsApp ${source.purpose} Keys`, 112))
  const iv = keys.subarray(0, 16)
  const decipher = createDecipheriv('aes-256-cbc', keys.subarray(16, 48), iv)
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv)
  const whole = createHash('sha256')
  const plain = createHash('sha256')
  let size = 0
  let tail: Uint8Array = Buffer.alloc(0)
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of encrypted) {
    whole.update(piece)
    const data = tail.length > 0 ? Buffer.concat([tail, piece]) : piece
    const end = Math.max(data.length - macLength, 0)
    const body = data.subarray(0, end)
    tail = Buffer.from(data.subarray(end))
    mac.update(body)
    const opened = decipher.update(body)
    if (opened.length === 0) continue
    size += opened.length
    if (size > maxBytes) throw new MediaFailure('media_too_large')
    plain.update(opened)
    if (held.length > 0) yield held
    held = opened
  }
  if (!isSame(mac.digest().subarray(0, macLength), tail)) throw new MediaFailure('media_corrupt', 'MAC')
  const last = finish(decipher)
  if (size + last.length > maxBytes) throw new MediaFailure('media_too_large')
  if (!isSame(plain.update(last).digest(), source.fileSha256)) throw new MediaFailure('media_corrupt', 'SHA-256')
  if (source.fileEncSha256?.length && !isSame(whole.digest(), source.fileEncSha256))
    throw new MediaFailure('media_corrupt', 'SHA-256 of the encrypted file')
  const end = Buffer.concat([held, last])
  if (end.length > 0) yield end
}

function finish(decipher: ReturnType<typeof createDecipheriv>): Buffer {
  try {
    return decipher.final()
  } catch {
    throw new MediaFailure('media_corrupt', 'padding')
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
