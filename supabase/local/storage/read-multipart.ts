import type { ByteSource } from './byte-source.ts'
import { invalidRequest } from './storage-error.ts'

export interface MultipartFile {
  /** The fields before the file, by name. */
  fields: Map<string, string>
  contentType: string
  content: AsyncIterable<Uint8Array>
}

/** Bounds of what is kept in memory: a part's headers, and all fields together, in bytes. */
const headerLimit = 16 * 1024
const fieldLimit = 1024 * 1024

/**
 * Reads `multipart/form-data` (RFC 7578) up to its first file, whose content is then read as it comes: in memory is one piece of it.
 * What follows the file is not looked at. Throws `InvalidRequest` for anything malformed, also while the content is read.
 */
export async function readMultipart(source: ByteSource, contentType: string): Promise<MultipartFile> {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw invalidRequest('The multipart body names no boundary.')
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // The first delimiter may stand at the very beginning.
  let held: Buffer = Buffer.from('\r\n')
  const fields = new Map<string, string>()
  let fieldBytes = 0

  await collect(delimiter, headerLimit)
  for (;;) {
    const head = await collect(Buffer.from('\r\n'), 256)
    if (head.toString('latin1').startsWith('--')) throw invalidRequest('The multipart body holds no file.')
    const headers = parseHeaders(await collectHeaders())
    const disposition = headers.get('content-disposition') ?? ''
    if (/;\s*filename\*?=/i.test(disposition)) {
      return { fields, contentType: headers.get('content-type') ?? 'application/octet-stream', content: content() }
    }
    const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1] ?? ''
    const value = await collect(delimiter, fieldLimit)
    fieldBytes += value.byteLength
    if (fieldBytes > fieldLimit) throw invalidRequest('The fields of the multipart body are too large.')
    fields.set(name, value.toString('utf8'))
  }

  async function more(): Promise<void> {
    const chunk = await source.read()
    if (!chunk) throw invalidRequest('The multipart body ends too early.')
    held =
      held.byteLength === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([held, chunk])
  }

  /** What comes before `mark`, which is taken away with it. */
  async function collect(mark: Buffer, limit: number): Promise<Buffer> {
    for (;;) {
      const at = held.indexOf(mark)
      if (at > limit || (at < 0 && held.byteLength > limit + mark.byteLength))
        throw invalidRequest('A part of the multipart body is too large.')
      if (at >= 0) {
        const found = held.subarray(0, at)
        held = held.subarray(at + mark.byteLength)
        return found
      }
      await more()
    }
  }

  async function collectHeaders(): Promise<string> {
    while (held.byteLength < 2) await more()
    if (held.subarray(0, 2).toString('latin1') === '\r\n') {
      held = held.subarray(2)
      return ''
    }
    return (await collect(Buffer.from('\r\n\r\n'), headerLimit)).toString('utf8')
  }

  async function* content(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = held.indexOf(delimiter)
      if (at >= 0) {
        if (at > 0) yield held.subarray(0, at)
        held = held.subarray(at + delimiter.byteLength)
        return
      }
      // The last bytes may be the beginning of a delimiter.
      const safe = held.byteLength - delimiter.byteLength + 1
      if (safe > 0) {
        yield held.subarray(0, safe)
        held = held.subarray(safe)
      }
      await more()
    }
  }
}

function parseHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return headers
}
