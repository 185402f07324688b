import { z } from 'zod'
import type { Caller } from '../caller.ts'
import { findBucket, findObject } from './find-object.ts'
import { checkKey, type Place } from './object-key.ts'
import { noSuchKey, notHere } from './storage-error.ts'
import type { StorageParts } from './storage-parts.ts'
import { checkMayUpload, ownerOf } from './upload-object.ts'

export const SignBody = z.object({ expiresIn: z.number().int().min(1), transform: z.unknown().optional() })
export const SignManyBody = z.object({
  expiresIn: z.number().int().min(1),
  paths: z.array(z.string()).min(1).max(1000),
})

/** A URL by which anybody may download an object that the caller may read, for a time. */
export async function signDownload(
  parts: StorageParts,
  caller: Caller,
  place: Place,
  { expiresIn, transform }: z.output<typeof SignBody>,
): Promise<Response> {
  if (transform !== undefined) throw notHere('Transformations of images are')
  await findObject(parts, caller, 'storage.object.sign', place)
  return Response.json({ signedURL: await downloadUrl(parts, place, expiresIn) })
}

/** The same for many; what the caller may not read has an error instead of a URL. */
export async function signDownloads(
  parts: StorageParts,
  caller: Caller,
  bucket: string,
  { expiresIn, paths }: z.output<typeof SignManyBody>,
): Promise<Response> {
  await findBucket(parts, bucket)
  const { rows } = await parts.access.as(caller, 'storage.object.sign_many', (client) =>
    client.query<{ name: string }>('select name from storage.objects where bucket_id = $1 and name = any($2)', [
      bucket,
      paths,
    ]),
  )
  const readable = new Set(rows.map(({ name }) => name))
  const signed = paths.map(async (path) =>
    readable.has(path)
      ? { error: null, path, signedURL: await downloadUrl(parts, { bucket, key: checkKey(path) }, expiresIn) }
      : { error: 'Either the object does not exist or you do not have access to it', path, signedURL: null },
  )
  return Response.json(await Promise.all(signed))
}

/** A URL by which anybody may upload, once or with `upsert` again, an object that the caller may upload; for two hours. */
export async function signUpload(
  parts: StorageParts,
  caller: Caller,
  place: Place,
  upsert: boolean,
): Promise<Response> {
  await findBucket(parts, place.bucket)
  await checkMayUpload(parts, place, caller, upsert)
  const token = await parts.signer.signUpload(place, { owner: ownerOf(caller), upsert })
  return Response.json({ url: `/object/upload/sign/${place.bucket}/${place.key}?token=${token}`, token })
}

async function downloadUrl({ signer }: StorageParts, place: Place, seconds: number): Promise<string> {
  if (place.key.includes('?')) throw noSuchKey() // the client would take the rest for a query
  return `/object/sign/${place.bucket}/${place.key}?token=${await signer.signDownload(place, seconds)}`
}
