import type { Caller } from '../caller.ts'
import { createAccess } from './access.ts'
import { createByteSource } from './byte-source.ts'
import { createSigner } from './create-signer.ts'
import { createDisk } from './disk.ts'
import { answerStorage } from './answer-storage.ts'
import { fromDatabase, StorageError } from './storage-error.ts'

export interface StorageOptions {
  /** Logs in as `postgres`. */
  databaseUrl: string
  /** Where the files are. */
  folder: string
  /** What the key of signed URLs is made from. */
  secret: string
  /** Takes what goes wrong inside. */
  log: (line: string) => void
}

export interface Storage extends AsyncDisposable {
  /**
   * Answers a request for `/storage/v1/<path>`. `identify` says who calls, or throws the refusal; it is asked only where that matters:
   * signed and public URLs need no key.
   */
  fetch(request: Request, path: string, identify: () => Promise<Caller>): Promise<Response>
}

/**
 * Supabase Storage's interface (https://supabase.github.io/storage/) as supabase-js uses it: files on disk, judged by the policies of
 * `storage.objects` and `storage.buckets`. Left out, with a refusal: resumable uploads, S3, image transformations, versions,
 * lifecycles, analytics, vectors.
 */
export function createStorage({ databaseUrl, folder, secret, log }: StorageOptions): Storage {
  const access = createAccess(databaseUrl)
  const parts = { access, disk: createDisk(folder), signer: createSigner(secret) }
  return {
    async fetch(request, path, identify) {
      try {
        return await answerStorage(parts, request, path, identify)
      } catch (error) {
        // Whoever still sends when the connection closes never sees why it was refused.
        if (request.body && !request.body.locked) await createByteSource(request.body).drain()
        const refusal = error instanceof StorageError ? error : fromDatabase(error)
        if (refusal) return refusal.toResponse()
        if (!request.signal.aborted) log(`storage: ${(error as Error).message}`)
        return new StorageError(500, 'InternalError', 'Internal server error').toResponse()
      }
    },
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  }
}
