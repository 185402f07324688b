import type { Access } from './access.ts'
import type { Disk } from './disk.ts'
import type { Signer } from './create-signer.ts'

/** What the operations of Storage work with. */
export interface StorageParts {
  access: Access
  disk: Disk
  signer: Signer
}

/** A row of `storage.objects`, as far as it is read here. */
export interface ObjectRow {
  id: string
  bucket_id: string
  name: string
  version: string | null
  owner: string | null
  owner_id: string | null
  created_at: Date
  updated_at: Date
  last_accessed_at: Date
  metadata: ObjectMetadata | null
  user_metadata: Record<string, unknown> | null
}

/** What is known of the bytes; the platform's names. */
export interface ObjectMetadata {
  eTag: string
  size: number
  mimetype: string
  cacheControl: string
  lastModified: string
  contentLength: number
  httpStatusCode: number
  contentEncoding?: string
}

export const objectColumns =
  'id, bucket_id, name, version, owner, owner_id, created_at, updated_at, last_accessed_at, metadata, user_metadata'
