import { z } from 'zod'
import type { Caller } from '../caller.ts'
import { checkBucket } from './object-key.ts'
import { removeObjects } from './move-objects.ts'
import { invalidRequest, noSuchBucket, notHere, StorageError } from './storage-error.ts'
import type { StorageParts } from './storage-parts.ts'

export const BucketBody = z.object({
  id: z.string().optional(),
  name: z.string().optional(),
  public: z.boolean().nullish(),
  file_size_limit: z.union([z.number().int().min(0), z.string()]).nullish(),
  allowed_mime_types: z.array(z.string().max(255)).nullish(),
  type: z.string().optional(),
})

const columns = `id, name, owner, public, file_size_limit::float8 as file_size_limit, allowed_mime_types, type, created_at, updated_at`

/** The buckets that the caller's policies show, by `limit`, `offset`, `search`, `sortColumn` and `sortOrder` of the query. */
export async function listBuckets({ access }: StorageParts, caller: Caller, query: URLSearchParams): Promise<Response> {
  const column = query.get('sortColumn') ?? 'id'
  if (!['id', 'name', 'created_at', 'updated_at'].includes(column)) throw invalidRequest('No such column to sort by.')
  const direction = query.get('sortOrder') === 'desc' ? 'desc' : 'asc'
  const { rows } = await access.as(caller, 'storage.bucket.list', (client) =>
    client.query(
      `select ${columns} from storage.buckets where strpos(lower(name), lower($1)) > 0
         order by ${column} ${direction} limit $2 offset $3`,
      [query.get('search') ?? '', whole(query.get('limit')), whole(query.get('offset')) ?? 0],
    ),
  )
  return Response.json(rows)
}

export async function getBucket({ access }: StorageParts, caller: Caller, id: string): Promise<Response> {
  const { rows } = await access.as(caller, 'storage.bucket.get', (client) =>
    client.query(`select ${columns} from storage.buckets where id = $1`, [checkBucket(id)]),
  )
  if (!rows[0]) throw noSuchBucket()
  return Response.json(rows[0])
}

export async function createBucket(
  { access }: StorageParts,
  caller: Caller,
  body: z.output<typeof BucketBody>,
): Promise<Response> {
  const name = checkBucket(body.name ?? body.id)
  if (body.type !== undefined && body.type !== 'STANDARD') throw notHere(`Buckets of the type ${body.type} are`)
  await access.as(caller, 'storage.bucket.create', (client) =>
    client.query(
      `insert into storage.buckets (id, name, owner_id, public, file_size_limit, allowed_mime_types) values ($1, $1, $2, $3, $4, $5)`,
      [name, caller.claims['sub'] ?? null, body.public ?? false, sizeOf(body), body.allowed_mime_types],
    ),
  )
  return Response.json({ name })
}

export async function updateBucket(
  { access }: StorageParts,
  caller: Caller,
  id: string,
  body: z.output<typeof BucketBody>,
): Promise<Response> {
  const { rowCount } = await access.as(caller, 'storage.bucket.update', (client) =>
    client.query(
      `update storage.buckets set public = coalesce($2, public), updated_at = now(),
           file_size_limit = case when $3 then $4 else file_size_limit end,
           allowed_mime_types = case when $5 then $6 else allowed_mime_types end
         where id = $1`,
      [
        checkBucket(id),
        body.public,
        body.file_size_limit !== undefined,
        sizeOf(body),
        body.allowed_mime_types !== undefined,
        body.allowed_mime_types,
      ],
    ),
  )
  if (rowCount === 0) throw noSuchBucket()
  return Response.json({ message: 'Successfully updated' })
}

/** Deletes a bucket that is empty. */
export async function deleteBucket({ access }: StorageParts, caller: Caller, id: string): Promise<Response> {
  const rowCount = await access
    .as(caller, 'storage.bucket.delete', async (client) => {
      await client.query(`select set_config('storage.allow_delete_query', 'true', true)`)
      return (await client.query('delete from storage.buckets where id = $1', [checkBucket(id)])).rowCount
    })
    .catch((error: { code?: unknown }) => {
      if (error.code === '23503')
        throw new StorageError(409, 'ResourceNotEmpty', 'The bucket you tried to delete is not empty')
      throw error
    })
  if (rowCount === 0) throw noSuchBucket()
  return Response.json({ message: 'Successfully deleted' })
}

/** Deletes all that the caller may delete of a bucket, in pages. */
export async function emptyBucket(parts: StorageParts, caller: Caller, id: string): Promise<Response> {
  const bucket = checkBucket(id)
  for (;;) {
    const { rows } = await parts.access.as(caller, 'storage.bucket.empty', (client) =>
      client.query<{ name: string }>('select name from storage.objects where bucket_id = $1 limit 500', [bucket]),
    )
    const removed = await removeObjects(
      parts,
      caller,
      bucket,
      rows.map(({ name }) => name),
    )
    if (removed.length === 0) break
  }
  return Response.json({ message: 'Successfully emptied' })
}

const units: Record<string, number> = { '': 1, B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }

/** Bytes, from a number or a text such as `20MB`. */
function sizeOf({ file_size_limit: size }: z.output<typeof BucketBody>): number | null {
  if (typeof size !== 'string') return size ?? null
  const [, digits, unit = ''] = /^(\d{1,12})\s*(|B|KB|MB|GB)$/i.exec(size.trim()) ?? []
  if (digits === undefined) throw invalidRequest('Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B')
  return Number(digits) * (units[unit.toUpperCase()] ?? 1)
}

function whole(text: string | null): number | null {
  if (text === null) return null
  if (!/^\d{1,9}$/.test(text)) throw invalidRequest('limit and offset are whole numbers.')
  return Number(text)
}
