import type { z } from 'zod'
import type { Caller } from '../caller.ts'
import { BucketBody, createBucket, deleteBucket, emptyBucket, getBucket, listBuckets, updateBucket } from './buckets.ts'
import { findBucket, findForAnybody, findObject } from './find-object.ts'
import { ListBody, listFolder, listPage, ListV2Body } from './list-objects.ts'
import { copyObject, MoveBody, moveObject, RemoveBody, removeObjects } from './move-objects.ts'
import { checkBucket, decode, parsePlace, type Place } from './object-key.ts'
import { serveObject } from './serve-object.ts'
import { SignBody, signDownload, signDownloads, SignManyBody, signUpload } from './sign-urls.ts'
import { invalidRequest, noSuchBucket, noSuchKey, notHere, StorageError } from './storage-error.ts'
import type { ObjectRow, StorageParts } from './storage-parts.ts'
import { uploadObject } from './upload-object.ts'

/** Sub-APIs of the platform's Storage that are not here, and what they are called. */
const absent: [RegExp, string][] = [
  [/^upload\/resumable(\/|$)/, 'Resumable uploads (TUS) are'],
  [/^s3(\/|$)/, 'The S3 protocol is'],
  [/^render\//, 'Transformations of images are'],
  [/^(vector|iceberg)(\/|$)/, 'Vectors and analytics are'],
  [/^cdn\//, 'A cache to purge is'],
  [/^bucket\/[^/]+\/lifecycle$/, 'Lifecycles of buckets are'],
]

/** The longest JSON body, in bytes: a thousand names of the longest kind. */
const longestBody = 2 * 1024 * 1024

/** Routes one request. Throws `StorageError` for every refusal. */
export async function answerStorage(
  parts: StorageParts,
  request: Request,
  path: string,
  identify: () => Promise<Caller>,
): Promise<Response> {
  for (const [pattern, name] of absent) if (pattern.test(path)) throw notHere(name)
  const [area = '', ...rest] = path.split('/')
  if (new URL(request.url).searchParams.has('versionId')) throw notHere('Versions of objects are')
  if (area === 'bucket') return answerBucket(parts, request, rest, identify)
  if (area === 'object') return answerObject(parts, request, rest.join('/'), identify)
  if (area === 'status') return new Response(null, { status: 200 })
  throw noRoute(request, path)
}

async function answerBucket(
  parts: StorageParts,
  request: Request,
  [encoded, action]: string[],
  identify: () => Promise<Caller>,
): Promise<Response> {
  const caller = await identify()
  const id = encoded === undefined || encoded === '' ? undefined : decode(encoded)
  const { method } = request
  if (id === undefined) {
    if (method === 'GET') return listBuckets(parts, caller, new URL(request.url).searchParams)
    if (method === 'POST') return createBucket(parts, caller, await read(request, BucketBody))
  } else if (action === undefined) {
    if (method === 'GET') return getBucket(parts, caller, id)
    if (method === 'PUT') return updateBucket(parts, caller, id, await read(request, BucketBody))
    if (method === 'DELETE') return deleteBucket(parts, caller, id)
  } else if (action === 'empty' && method === 'POST') return emptyBucket(parts, caller, id)
  throw noRoute(request, `bucket/${encoded ?? ''}`)
}

async function answerObject(
  parts: StorageParts,
  request: Request,
  path: string,
  identify: () => Promise<Caller>,
): Promise<Response> {
  const { method } = request
  const token = new URL(request.url).searchParams.get('token')
  const upsert = request.headers.get('x-upsert') === 'true'
  const after = (prefix: string): string | undefined =>
    path.startsWith(prefix) ? path.slice(prefix.length) : undefined

  if (method === 'POST') {
    if (path === 'move') return moveObject(parts, await identify(), await read(request, MoveBody))
    if (path === 'copy') return copyObject(parts, await identify(), await read(request, MoveBody), upsert)
    const list = after('list/')
    if (list !== undefined) return listFolder(parts, await identify(), bucketOf(list), await read(request, ListBody))
    const page = after('list-v2/')
    if (page !== undefined) return listPage(parts, await identify(), bucketOf(page), await read(request, ListV2Body))
    const sign = after('sign/')
    if (sign !== undefined && !sign.includes('/'))
      return signDownloads(parts, await identify(), bucketOf(sign), await read(request, SignManyBody))
    if (sign !== undefined)
      return signDownload(parts, await identify(), parsePlace(sign), await read(request, SignBody))
    const upload = after('upload/sign/')
    if (upload !== undefined) return signUpload(parts, await identify(), parsePlace(upload), upsert)
    return uploadObject(parts, request, parsePlace(path), { caller: await identify() }, upsert)
  }
  if (method === 'PUT') {
    const upload = after('upload/sign/')
    if (upload === undefined) return uploadObject(parts, request, parsePlace(path), { caller: await identify() }, true)
    const place = parsePlace(upload)
    const rights = await parts.signer.verifyUpload(token, place)
    return uploadObject(parts, request, place, { signed: { owner: rights.owner } }, rights.upsert)
  }
  if (method === 'DELETE') {
    const caller = await identify()
    if (!path.includes('/')) {
      const { prefixes } = await read(request, RemoveBody)
      return Response.json(await removeObjects(parts, caller, bucketOf(path), prefixes))
    }
    const { bucket, key } = parsePlace(path)
    const removed = await removeObjects(parts, caller, bucket, [key])
    if (removed.length === 0) throw noSuchKey()
    return Response.json({ message: 'Successfully deleted' })
  }
  if (method !== 'GET' && method !== 'HEAD') throw noRoute(request, `object/${path}`)

  const signed = after('sign/')
  if (signed !== undefined) {
    const place = parsePlace(signed)
    await parts.signer.verifyDownload(token, place)
    return serveObject(parts.disk, request, await findForAnybody(parts, place))
  }
  const published = after('public/')
  if (published !== undefined) return serveObject(parts.disk, request, await findPublic(parts, parsePlace(published)))
  const described = after('info/public/')
  if (described !== undefined) return Response.json(infoOf(await findPublic(parts, parsePlace(described))))
  const info = after('info/authenticated/') ?? after('info/')
  if (info !== undefined)
    return Response.json(infoOf(await findObject(parts, await identify(), 'storage.object.info', parsePlace(info))))
  const place = parsePlace(after('authenticated/') ?? path)
  return serveObject(parts.disk, request, await findObject(parts, await identify(), 'storage.object.get', place))
}

async function findPublic(parts: StorageParts, place: Place): Promise<ObjectRow> {
  if (!(await findBucket(parts, place.bucket)).public) throw noSuchBucket()
  return findForAnybody(parts, place)
}

function infoOf({ id, name, version, bucket_id, created_at, metadata, user_metadata }: ObjectRow): object {
  return {
    id,
    name,
    version,
    bucket_id,
    size: metadata?.size ?? null,
    content_type: metadata?.mimetype ?? null,
    cache_control: metadata?.cacheControl ?? null,
    content_encoding: metadata?.contentEncoding ?? null,
    etag: metadata?.eTag ?? null,
    metadata: user_metadata ?? {},
    last_modified: metadata?.lastModified ?? null,
    created_at,
  }
}

const bucketOf = (encoded: string): string => checkBucket(decode(encoded))

async function read<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > longestBody) throw invalidRequest('The body is too long.')
    chunks.push(chunk)
  }
  let body: unknown
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw invalidRequest('The body is no JSON.')
  }
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalidRequest(`body/${issue?.path.join('/') ?? ''} ${issue?.message ?? 'is not valid'}`)
}

function noRoute(request: Request, path: string): StorageError {
  return new StorageError(404, 'NotFound', `Route ${request.method}:/${path} not found`, 'Not Found', 404)
}
