import type { ClientBase } from 'pg'
import type { Caller } from '../caller.ts'
import { createByteSource } from './byte-source.ts'
import type { StoredFile } from './disk.ts'
import { type BucketRow, findBucket } from './find-object.ts'
import type { Place } from './object-key.ts'
import { readUpload, type Upload } from './read-upload.ts'
import { StorageError, tooLarge } from './storage-error.ts'
import type { ObjectMetadata, StorageParts } from './storage-parts.ts'

/** Who uploads: a caller whom the policies judge, or the holder of a signed URL, which was judged when it was made. */
export type Uploader = { caller: Caller; signed?: never } | { signed: { owner: string | undefined }; caller?: never }

/** The largest object of a bucket without a limit of its own, in bytes; the platform's. */
const defaultLimit = 50 * 1024 * 1024

/**
 * Stores what the request brings, as it comes. Nothing is left of it when the bucket's limits, a policy or another object of that
 * name (without `upsert`) refuse it; the object that `upsert` replaces is whole until the new one is.
 */
export async function uploadObject(
  parts: StorageParts,
  request: Request,
  place: Place,
  uploader: Uploader,
  upsert: boolean,
): Promise<Response> {
  const source = createByteSource(request.body)
  try {
    const bucket = await findBucket(parts, place.bucket)
    const upload = await readUpload(request, source)
    checkType(bucket, upload)
    const limit = bucket.file_size_limit ?? defaultLimit
    if ((upload.declaredSize ?? 0) > limit) throw tooLarge()
    if (uploader.caller) await checkMayUpload(parts, place, uploader.caller, upsert)
    const owner = uploader.signed ? uploader.signed.owner : ownerOf(uploader.caller)
    const id = await replace(parts, place, owner, upsert, upload, await parts.disk.receive(upload.content, limit))
    return Response.json({ Key: `${place.bucket}/${place.key}`, Id: id })
  } catch (error) {
    await source.drain()
    throw error
  }
}

/** Throws `AccessDenied` or `Duplicate` when the caller could not upload this object now. */
export async function checkMayUpload(
  { access }: StorageParts,
  place: Place,
  caller: Caller,
  upsert: boolean,
): Promise<void> {
  const row: NewRow = { ...place, owner: ownerOf(caller), version: '', metadata: null, userMetadata: null }
  await access.probe(caller, 'storage.object.upload', (client) => write(client, row, upsert, false))
}

export interface NewRow extends Place {
  owner: string | undefined
  version: string
  metadata: ObjectMetadata | null
  userMetadata: Record<string, unknown> | null
}

/** Writes the row of an object; `returning` needs the right to read it. */
export async function write(
  client: ClientBase,
  { bucket, key, owner, version, metadata, userMetadata }: NewRow,
  upsert: boolean,
  returning: boolean,
): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    `insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata, user_metadata)
       values ($1, $2, $3, $4, $5, $6, $7)
       ${
         upsert
           ? `on conflict (bucket_id, name) do update set owner = excluded.owner, owner_id = excluded.owner_id,
                version = excluded.version, metadata = excluded.metadata, user_metadata = excluded.user_metadata`
           : ''
       }
       ${returning ? 'returning id' : ''}`,
    [bucket, key, isUuid(owner) ? owner : null, owner ?? null, version, metadata, userMetadata],
  )
  return rows[0]?.id
}

/** Runs `work` while nobody else writes this name, and gives the version that the name had before. */
export async function lockName(client: ClientBase, { bucket, key }: Place): Promise<string | null> {
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`storage ${bucket}/${key}`])
  const { rows } = await client.query<{ version: string | null }>(
    'select version from storage.objects where bucket_id = $1 and name = $2',
    [bucket, key],
  )
  return rows[0]?.version ?? null
}

export function ownerOf({ claims }: Caller): string | undefined {
  return typeof claims['sub'] === 'string' ? claims['sub'] : undefined
}

async function replace(
  { access, disk }: StorageParts,
  place: Place,
  owner: string | undefined,
  upsert: boolean,
  { contentType, cacheControl, contentEncoding, userMetadata }: Upload,
  { version, size, etag }: StoredFile,
): Promise<string | undefined> {
  const metadata: ObjectMetadata = {
    eTag: etag,
    size,
    mimetype: contentType,
    cacheControl,
    lastModified: new Date().toISOString(),
    contentLength: size,
    httpStatusCode: 200,
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  }
  try {
    const { id, old } = await access.asOwner(async (client) => {
      const before = await lockName(client, place)
      const written = await write(client, { ...place, owner, version, metadata, userMetadata }, upsert, true)
      return { id: written, old: before }
    })
    await disk.remove([old])
    return id
  } catch (error) {
    await disk.remove([version])
    throw error
  }
}

function checkType({ allowed_mime_types: allowed }: BucketRow, { contentType }: Upload): void {
  const [type = ''] = contentType.toLowerCase().split(';')
  const fits = (pattern: string): boolean =>
    pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1).toLowerCase()) : type.trim() === pattern.toLowerCase()
  if (!/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type.trim()) || (allowed && allowed.length > 0 && !allowed.some(fits)))
    throw new StorageError(415, 'InvalidMimeType', `mime type ${contentType} is not supported`, 'invalid_mime_type')
}

function isUuid(text: string | undefined): boolean {
  return text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}
