import { z } from 'zod'
import type { Caller } from '../caller.ts'
import { findBucket } from './find-object.ts'
import { invalidRequest } from './storage-error.ts'
import type { StorageParts } from './storage-parts.ts'

const dates = ['updated_at', 'created_at', 'last_accessed_at'] as const
const order = z.enum(['asc', 'desc']).default('asc')
export const ListBody = z.object({
  prefix: z.string().max(1024).default(''),
  limit: z.number().int().min(1).default(100),
  offset: z.number().int().min(0).default(0),
  search: z.string().max(1024).default(''),
  sortBy: z.object({ column: z.enum(['name', ...dates]).default('name'), order }).prefault({}),
})
export const ListV2Body = z.object({
  prefix: z.string().max(1024).default(''),
  limit: z.number().int().min(1).default(1000),
  cursor: z.string().max(4096).optional(),
  with_delimiter: z.boolean().default(false),
  sortBy: z.object({ column: z.enum(['name', 'updated_at', 'created_at']).default('name'), order }).prefault({}),
})
const Cursor = z.tuple([z.string(), z.string()])
const mostRows = 1000

/**
 * The entries of a folder: the objects in it that the caller may see, and the folders that hold such, by name or date. `name` is
 * the last part of the path; `id` and dates of a folder are null.
 */
export async function listFolder(
  parts: StorageParts,
  caller: Caller,
  bucket: string,
  { prefix, limit, offset, search, sortBy }: z.output<typeof ListBody>,
): Promise<Response> {
  await findBucket(parts, bucket)
  const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  const direction = sortBy.order
  const { rows } = await parts.access.as(caller, 'storage.object.list', (client) =>
    client.query(
      `with found as (
           select split_part(substr(name, length($2) + 1), '/', 1) as part, strpos(substr(name, length($2) + 1), '/') > 0 as deeper,
             id, updated_at, created_at, last_accessed_at, metadata
           from storage.objects where bucket_id = $1 and starts_with(name, $2)),
         entries as (
           select part as name, null::uuid as id, null::timestamptz as updated_at, null::timestamptz as created_at,
             null::timestamptz as last_accessed_at, null::jsonb as metadata
             from found where deeper group by part
           union all
           select part, id, updated_at, created_at, last_accessed_at, metadata from found where not deeper)
       select * from entries where starts_with(lower(name), lower($3))
         order by ${sortBy.column === 'name' ? '' : `${sortBy.column} ${direction} nulls first,`} name collate "C" ${direction}
         limit $4 offset $5`,
      [bucket, folder, search, Math.min(limit, mostRows), offset],
    ),
  )
  return Response.json(rows)
}

/** A page of the objects whose names begin with `prefix`; with a delimiter, what is deeper counts as its folder. */
export async function listPage(
  parts: StorageParts,
  caller: Caller,
  bucket: string,
  { prefix, limit, cursor, with_delimiter: delimited, sortBy }: z.output<typeof ListV2Body>,
): Promise<Response> {
  await findBucket(parts, bucket)
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  const most = Math.min(limit, mostRows)
  const sort =
    sortBy.column === 'name'
      ? `''`
      : `coalesce(to_char(${sortBy.column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '')`
  const { rows } = await parts.access.as(caller, 'storage.object.list_v2', (client) =>
    client.query<{ key: string; sort: string; folder: boolean; entry: Record<string, unknown> }>(
      `with found as (
           select name, strpos(substr(name, length($2) + 1), '/') as slash, id, updated_at, created_at, last_accessed_at, metadata
           from storage.objects where bucket_id = $1 and starts_with(name, $2)),
         entries as (
           select left(name, length($2) + slash) as name, null::uuid as id, null::timestamptz as updated_at,
             null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
             from found where $3 and slash > 0 group by left(name, length($2) + slash)
           union all
           select name, id, updated_at, created_at, last_accessed_at, metadata from found where not ($3 and slash > 0))
       select name as key, ${sort} as sort, id is null as folder, to_jsonb(entries) as entry from entries
         where $4::text is null or (${sort} collate "C", name collate "C") ${sortBy.order === 'asc' ? '>' : '<'} ($5::text, $4::text)
         order by ${sort} collate "C" ${sortBy.order}, name collate "C" ${sortBy.order} limit $6`,
      [bucket, prefix, delimited, after?.[1] ?? null, after?.[0] ?? null, most + 1],
    ),
  )
  const page = rows.slice(0, most)
  const last = rows.length > most ? page.at(-1) : undefined
  return Response.json({
    hasNext: last !== undefined,
    ...(last ? { nextCursor: Buffer.from(JSON.stringify([last.sort, last.key])).toString('base64url') } : {}),
    folders: page.filter(({ folder }) => folder).map(({ key }) => ({ name: key, key })),
    objects: page.filter(({ folder }) => !folder).map(({ key, entry }) => ({ ...entry, key })),
  })
}

function parseCursor(cursor: string): z.output<typeof Cursor> {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  } catch {
    throw invalidRequest('The cursor is not one of this list.')
  }
}
