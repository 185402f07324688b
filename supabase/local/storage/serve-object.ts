import type { Disk } from './disk.ts'
import { noSuchKey, StorageError } from './storage-error.ts'
import type { ObjectRow } from './storage-parts.ts'

/**
 * Answers with the object's bytes as they are read, or a part of them (`Range`, RFC 9110 §14; one range), or 304 when the client
 * has them. HTML goes out as plain text, as on the platform, and no browser may guess another type.
 */
export async function serveObject(disk: Disk, request: Request, object: ObjectRow): Promise<Response> {
  const { metadata, version } = object
  if (!metadata || version === null) throw noSuchKey()
  const modified = new Date(metadata.lastModified)
  const headers = new Headers({
    'accept-ranges': 'bytes',
    'cache-control': metadata.cacheControl,
    'content-type': /text\/html/i.test(metadata.mimetype) ? 'text/plain' : metadata.mimetype,
    etag: metadata.eTag,
    'last-modified': modified.toUTCString(),
    'x-content-type-options': 'nosniff',
  })
  if (metadata.contentEncoding !== undefined) headers.set('content-encoding', metadata.contentEncoding)
  const disposition = dispositionOf(new URL(request.url).searchParams.get('download'))
  if (disposition !== undefined) headers.set('content-disposition', disposition)
  if (isFresh(request.headers, metadata.eTag, modified)) return new Response(null, { status: 304, headers })

  const range = rangeOf(request.headers, metadata.size, metadata.eTag)
  const { start, end } = range ?? { start: 0, end: metadata.size - 1 }
  headers.set('content-length', String(end - start + 1))
  if (range) headers.set('content-range', `bytes ${start}-${end}/${metadata.size}`)
  const status = range ? 206 : 200
  if (request.method === 'HEAD') return new Response(null, { status, headers })
  const content = await disk.read(version, start, end)
  if (!content) throw noSuchKey()
  return new Response(content, { status, headers })
}

function dispositionOf(download: string | null): string | undefined {
  if (download === null) return undefined
  if (download === '') return 'attachment;'
  const name = encodeURIComponent(download.toWellFormed()).replaceAll("'", '%27')
  return `attachment; filename=${name}; filename*=UTF-8''${name};`
}

function isFresh(headers: Headers, etag: string, modified: Date): boolean {
  const tags = headers.get('if-none-match')
  if (tags !== null) return tags.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
  const since = Date.parse(headers.get('if-modified-since') ?? '')
  return Number.isFinite(since) && Math.floor(modified.getTime() / 1000) * 1000 <= since
}

/** The part that is asked for; `undefined` for the whole. Throws `InvalidRange` when no byte of it exists. */
function rangeOf(headers: Headers, size: number, etag: string): { start: number; end: number } | undefined {
  const condition = headers.get('if-range')
  if (condition !== null && condition !== etag) return undefined
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.get('range')?.replaceAll(' ', '') ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined // invalid: RFC 9110 has it ignored
  if (start >= size) throw new StorageError(416, 'InvalidRange', 'invalid range provided', 'invalid_range', 416)
  return { start, end }
}
