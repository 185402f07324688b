import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createInflate } from 'node:zlib'
import type { proto } from '@whiskeysockets/baileys'

/**
 * Why a chunk could not be had. `unavailable`: the file did not come, a later try may help; `gone`: WhatsApp no longer has it; `damaged`:
 * what came is not what was announced, or no history.
 */
export type HistoryTrouble = 'unavailable' | 'gone' | 'damaged'

export class HistoryError extends Error {
  readonly trouble: HistoryTrouble
  override readonly name = 'HistoryError'
  constructor(trouble: HistoryTrouble, cause?: unknown) {
    super(`history ${trouble}`, { cause })
    this.trouble = trouble
  }
}

/** A chunk is a few MB; what inflates to more than this is refused before it fills the memory. Bytes. */
const largestChunk = 96 * 2 ** 20
const largestFile = 48 * 2 ** 20
/** The whole download. Milliseconds. */
const downloadMs = 60_000
const macLength = 10

/**
 * The announced chunk: inflated from the announcement itself, or downloaded from `origin` (WhatsApp's media host), decrypted as it comes
 * and checked: length, MAC, SHA-256 of the file and of its content. The path is the only thing that the announcement may choose.
 * @throws HistoryError
 */
export async function readBlob(
  notification: proto.Message.IHistorySyncNotification,
  origin: string,
): Promise<Buffer<ArrayBuffer>> {
  const inline = notification.initialHistBootstrapInlinePayload
  if (inline?.length) return inflate([inline])
  const { mediaKey, directPath } = notification
  if (!mediaKey?.length || !directPath?.startsWith('/')) throw new HistoryError('damaged')
  const url = new URL(directPath, origin)
  if (url.origin !== new URL(origin).origin) throw new HistoryError('damaged')
  return inflate(decrypt(await download(url), notification, mediaKey))
}

async function download(url: URL): Promise<AsyncIterable<Uint8Array>> {
  let response: Response
  try {
    response = await fetch(url, {
      redirect: 'error',
      headers: { origin: 'https://web.whatsapp.com' },
      signal: AbortSignal.timeout(downloadMs),
    })
  } catch (error) {
    throw new HistoryError('unavailable', error)
  }
  if (response.status === 404 || response.status === 410 || response.status === 403) {
    await response.body?.cancel()
    throw new HistoryError('gone')
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw new HistoryError('unavailable')
  }
  return response.body
}

/** AES-256-CBC with keys from HKDF-SHA256(media key, 112, "WhatsApp History Keys"): IV 16, key 32, MAC key 32 (messages-media.js). */
async function* decrypt(
  body: AsyncIterable<Uint8Array>,
  { fileEncSha256, fileSha256 }: proto.Message.IHistorySyncNotification,
  mediaKey: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), 'WhatsApp History Keys', 112))
  const iv = keys.subarray(0, 16)
  const decipher = createDecipheriv('aes-256-cbc', keys.subarray(16, 48), iv)
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv)
  const encrypted = createHash('sha256')
  const content = createHash('sha256')
  let size = 0
  let tail = Buffer.alloc(0)
  for await (const chunk of received(body)) {
    size += chunk.length
    if (size > largestFile) throw new HistoryError('damaged')
    encrypted.update(chunk)
    const data = Buffer.concat([tail, chunk])
    // The last ten bytes are the MAC.
    const end = Math.max(0, data.length - macLength)
    tail = data.subarray(end)
    const plain = decipher.update(mac.update(data.subarray(0, end)) && data.subarray(0, end))
    content.update(plain)
    yield plain
  }
  let last: Buffer
  try {
    last = decipher.final()
  } catch (error) {
    throw new HistoryError('damaged', error)
  }
  content.update(last)
  const isWhole =
    isEqual(mac.digest().subarray(0, macLength), tail) &&
    isEqual(encrypted.digest(), fileEncSha256) &&
    isEqual(content.digest(), fileSha256)
  if (!isWhole) throw new HistoryError('damaged')
  yield last
}

async function* received(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw new HistoryError('unavailable', error)
  }
}

/** A hash that was not announced can't be compared. */
function isEqual(actual: Buffer, announced: Uint8Array | null | undefined): boolean {
  if (!announced?.length) return true
  return actual.length === announced.length && timingSafeEqual(actual, announced)
}

async function inflate(parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const inflater = createInflate()
  const output: Buffer[] = []
  let size = 0
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  ended.catch(() => undefined)
  inflater.on('data', (data: Buffer) => {
    size += data.length
    if (size > largestChunk) inflater.destroy(new HistoryError('damaged'))
    else output.push(data)
  })
  inflater.on('end', resolve)
  inflater.on('error', (error) => reject(error instanceof HistoryError ? error : new HistoryError('damaged', error)))
  try {
    for await (const part of parts) {
      if (inflater.destroyed) break
      if (!inflater.write(part)) await Promise.race([once(inflater, 'drain'), ended])
    }
    inflater.end()
    await ended
  } finally {
    inflater.destroy()
  }
  return Buffer.concat(output)
}
