import { z } from 'zod'
import type { ByteSource } from './byte-source.ts'
import { readMultipart } from './read-multipart.ts'
import { invalidRequest } from './storage-error.ts'

/** What a client sends to be stored. */
export interface Upload {
  contentType: string
  /** The whole header. */
  cacheControl: string
  contentEncoding: string | undefined
  userMetadata: Record<string, unknown> | null
  /** What the client says that it sends, in bytes; unknown for forms, whose length is more than the file's. */
  declaredSize: number | undefined
  content: AsyncIterable<Uint8Array>
}

const Metadata = z.record(z.string(), z.unknown())

/** Reads an upload as storage-js sends it: the bytes as they are with headers, or a form with the file and fields before it. */
export async function readUpload(request: Request, source: ByteSource): Promise<Upload> {
  const { headers } = request
  const contentType = headers.get('content-type') ?? 'application/octet-stream'
  if (/^multipart\/form-data\b/i.test(contentType)) {
    const { fields, ...file } = await readMultipart(source, contentType)
    const seconds = fields.get('cacheControl')
    return {
      ...file,
      contentType: headerValue(file.contentType),
      cacheControl: headerValue(seconds === undefined ? 'no-cache' : `max-age=${seconds}`),
      contentEncoding: optional(fields.get('contentEncoding')),
      userMetadata: parseMetadata(fields.get('metadata')),
      declaredSize: undefined,
    }
  }
  const encoded = headers.get('x-metadata')
  const length = headers.get('content-length')
  return {
    contentType: headerValue(contentType),
    cacheControl: headerValue(headers.get('cache-control') ?? 'no-cache'),
    contentEncoding: optional(headers.get('content-encoding')),
    userMetadata: parseMetadata(encoded === null ? undefined : Buffer.from(encoded, 'base64').toString('utf8')),
    declaredSize: length === null ? undefined : Number(length),
    content: source.chunks(),
  }
}

function optional(text: string | null | undefined): string | undefined {
  return text === null || text === undefined || text === '' ? undefined : headerValue(text)
}

/** What will be a header when the object is served may hold nothing that is none. */
export function headerValue(text: string): string {
  if (!/^[\x20-\x7e]{1,512}$/.test(text))
    throw invalidRequest('A value that would be a header holds characters that no header may.')
  return text
}

function parseMetadata(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null
  try {
    return Metadata.parse(JSON.parse(text))
  } catch {
    throw invalidRequest('The metadata is no JSON object.')
  }
}
