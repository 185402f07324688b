import { z } from 'zod'
import type { Caller } from '../caller.ts'
import { findBucket, findObject } from './find-object.ts'
import { checkBucket, checkKey, type Place } from './object-key.ts'
import { headerValue } from './read-upload.ts'
import { noSuchKey } from './storage-error.ts'
import { objectColumns, type ObjectRow, type StorageParts } from './storage-parts.ts'
import { checkMayUpload, lockName, ownerOf, write } from './upload-object.ts'

export const MoveBody = z.object({
  bucketId: z.string(),
  sourceKey: z.string(),
  destinationKey: z.string(),
  destinationBucket: z.string().optional(),
  copyMetadata: z.boolean().default(true),
  metadata: z.object({ cacheControl: z.string(), mimetype: z.string() }).partial().optional(),
})
export const RemoveBody = z.object({ prefixes: z.array(z.string()).min(1).max(1000) })

/** Gives an object another name, under the caller's right to update both; the bytes stay where they are. */
export async function moveObject(
  parts: StorageParts,
  caller: Caller,
  body: z.output<typeof MoveBody>,
): Promise<Response> {
  const { from, to } = placesOf(body)
  await findBucket(parts, from.bucket)
  await findBucket(parts, to.bucket)
  const { rows } = await parts.access.as(caller, 'storage.object.move', (client) =>
    client.query<{ id: string }>(
      'update storage.objects set bucket_id = $3, name = $4 where bucket_id = $1 and name = $2 returning id',
      [from.bucket, from.key, to.bucket, to.key],
    ),
  )
  const [moved] = rows
  if (!moved) throw noSuchKey()
  return Response.json({ message: 'Successfully moved', Id: moved.id, Key: `${to.bucket}/${to.key}` })
}

/** Copies an object that the caller may read to a name that the caller may write. */
export async function copyObject(
  parts: StorageParts,
  caller: Caller,
  body: z.output<typeof MoveBody>,
  upsert: boolean,
): Promise<Response> {
  const { from, to } = placesOf(body)
  const source = await findObject(parts, caller, 'storage.object.copy', from)
  await findBucket(parts, to.bucket)
  if (source.version === null || source.metadata === null) throw noSuchKey()
  await checkMayUpload(parts, to, caller, upsert)
  const version = await parts.disk.copy(source.version)
  const { mimetype, cacheControl } = (body.copyMetadata ? undefined : body.metadata) ?? {}
  const row = {
    ...to,
    owner: ownerOf(caller),
    version,
    metadata: {
      ...source.metadata,
      mimetype: headerValue(mimetype ?? source.metadata.mimetype),
      cacheControl: headerValue(cacheControl ?? source.metadata.cacheControl),
      lastModified: new Date().toISOString(),
    },
    userMetadata: body.copyMetadata ? source.user_metadata : null,
  }
  try {
    const { id, old } = await parts.access.asOwner(async (client) => {
      const before = await lockName(client, to)
      return { id: await write(client, row, upsert, true), old: before }
    })
    await parts.disk.remove([old])
    return Response.json({ Id: id, Key: `${to.bucket}/${to.key}`, name: to.key, bucket_id: to.bucket })
  } catch (error) {
    await parts.disk.remove([version])
    throw error
  }
}

/** Deletes those of the objects that the caller may delete; answers with their rows. What may not be deleted is not spoken of. */
export async function removeObjects(
  parts: StorageParts,
  caller: Caller,
  bucket: string,
  keys: readonly string[],
): Promise<ObjectRow[]> {
  await findBucket(parts, bucket)
  const { rows } = await parts.access.as(caller, 'storage.object.delete_many', async (client) => {
    await client.query(`select set_config('storage.allow_delete_query', 'true', true)`)
    return client.query<ObjectRow>(
      `delete from storage.objects where bucket_id = $1 and name = any($2) returning ${objectColumns}`,
      [bucket, keys.map(checkKey)],
    )
  })
  await parts.disk.remove(rows.map(({ version }) => version))
  return rows
}

function placesOf(body: z.output<typeof MoveBody>): { from: Place; to: Place } {
  const bucket = checkBucket(body.bucketId)
  return {
    from: { bucket, key: checkKey(body.sourceKey) },
    to: { bucket: checkBucket(body.destinationBucket ?? bucket), key: checkKey(body.destinationKey) },
  }
}
