import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { constants, copyFile, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { tooLarge } from './storage-error.ts'

/** Files that are never changed once they are there. Each has a random id for a name, so that nothing a caller says is a path. */
export interface Disk {
  /** Writes what comes, in memory of a few chunks; nothing stays of a file that breaks off or exceeds `limit` bytes. */
  receive(content: AsyncIterable<Uint8Array>, limit: number): Promise<StoredFile>
  /** The bytes from `start` to `end` (inclusive), or `undefined` when the file is gone. */
  read(version: string, start: number, end: number): Promise<ReadableStream<Uint8Array> | undefined>
  copy(version: string): Promise<string>
  remove(versions: readonly (string | null)[]): Promise<void>
}

export interface StoredFile {
  version: string
  size: number
  /** MD5 in quotes, as S3 makes it. */
  etag: string
}

/** Uses `folder`, made at the first upload. Uploads that an earlier process left unfinished are thrown away. */
export function createDisk(folder: string): Disk {
  const incoming = join(folder, 'incoming')
  rmSync(incoming, { recursive: true, force: true })

  return {
    async receive(content, limit) {
      const version = randomUUID()
      mkdirSync(incoming, { recursive: true, mode: 0o700 })
      const partial = join(incoming, version)
      const hash = createHash('md5')
      let size = 0
      try {
        await pipeline(
          async function* measured() {
            for await (const chunk of content) {
              size += chunk.byteLength
              if (size > limit) throw tooLarge()
              hash.update(chunk)
              yield chunk
            }
          },
          createWriteStream(partial, { flags: 'wx', mode: 0o600 }),
        )
        await rename(partial, place(version))
      } catch (error) {
        await rm(partial, { force: true })
        throw error
      }
      return { version, size, etag: `"${hash.digest('hex')}"` }
    },
    async read(version, start, end) {
      const file = await open(place(version), 'r').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      if (!file) return undefined
      if (end < start) {
        await file.close()
        return new Blob([]).stream()
      }
      return Readable.toWeb(file.createReadStream({ start, end })) as ReadableStream<Uint8Array>
    },
    async copy(version) {
      const copied = randomUUID()
      await copyFile(place(version), place(copied), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      return copied
    },
    async remove(versions) {
      for (const version of versions) if (version !== null) await rm(place(version), { force: true })
    },
  }

  function place(version: string): string {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(version)) throw new Error('a version is a UUID')
    const shelf = join(folder, version.slice(0, 2))
    mkdirSync(shelf, { recursive: true, mode: 0o700 })
    return join(shelf, version)
  }
}
