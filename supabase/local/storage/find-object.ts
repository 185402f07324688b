import type { Caller } from '../caller.ts'
import type { Place } from './object-key.ts'
import { noSuchBucket, noSuchKey } from './storage-error.ts'
import { objectColumns, type ObjectRow, type StorageParts } from './storage-parts.ts'

export interface BucketRow {
  id: string
  public: boolean
  file_size_limit: number | null
  allowed_mime_types: string[] | null
}

/** The bucket, whoever asks: as on the platform, that a bucket exists is no secret. Throws `NoSuchBucket`. */
export async function findBucket({ access }: StorageParts, bucket: string): Promise<BucketRow> {
  const { rows } = await access.asOwner((client) =>
    client.query<BucketRow>(
      `select id, coalesce(public, false) as public, file_size_limit::float8 as file_size_limit, allowed_mime_types
         from storage.buckets where id = $1`,
      [bucket],
    ),
  )
  const [found] = rows
  if (!found) throw noSuchBucket()
  return found
}

/** The object as the caller may see it. Throws `NoSuchBucket`, or `NoSuchKey` also for what the policies hide. */
export async function findObject(
  parts: StorageParts,
  caller: Caller,
  operation: string,
  { bucket, key }: Place,
): Promise<ObjectRow> {
  await findBucket(parts, bucket)
  const { rows } = await parts.access.as(caller, operation, (client) =>
    client.query<ObjectRow>(`select ${objectColumns} from storage.objects where bucket_id = $1 and name = $2`, [
      bucket,
      key,
    ]),
  )
  const [found] = rows
  if (!found) throw noSuchKey()
  return found
}

/** The object for whoever holds a valid signature or asks at a public bucket. Throws `NoSuchKey`. */
export async function findForAnybody({ access }: StorageParts, { bucket, key }: Place): Promise<ObjectRow> {
  const { rows } = await access.asOwner((client) =>
    client.query<ObjectRow>(`select ${objectColumns} from storage.objects where bucket_id = $1 and name = $2`, [
      bucket,
      key,
    ]),
  )
  const [found] = rows
  if (!found) throw noSuchKey()
  return found
}
