import { Readable } from 'node:stream'
import { request, type Dispatcher } from 'undici'

/** The files of messages in Supabase Storage, with the project's secret key: whoever names a path has checked whose it is. */
export interface ObjectStore {
  /** Stores what comes, as it comes. Nothing is stored when the source fails. */
  put(path: string, content: AsyncIterable<Uint8Array>, contentType: string, signal: AbortSignal): Promise<void>
  /** The object's bytes as they are read, or null when there is none. */
  open(path: string, signal: AbortSignal): Promise<{ content: Readable; sizeBytes: number | null } | null>
  /** Deletes the object, if there is one. */
  remove(path: string): Promise<void>
}

const bucket = 'media'
/** A request is given up when nothing moves for so long, in ms. */
const idleMs = 60_000

/**
 * Streams with a bounded number of bytes in memory, which storage-js, through fetch, does not promise for uploads.
 * Wire format: Storage's own (`POST`, `GET`, `DELETE /storage/v1/object/…`, bytes as they are).
 */
export function createObjectStore({
  supabaseUrl,
  serviceKey,
}: {
  supabaseUrl: string
  serviceKey: string
}): ObjectStore {
  const headers = { apikey: serviceKey, authorization: `Bearer ${serviceKey}` }
  const urlOf = (path: string, kind = ''): string =>
    `${supabaseUrl}/storage/v1/object/${kind}${bucket}/${path.split('/').map(encodeURIComponent).join('/')}`

  return {
    async put(path, content, contentType, signal) {
      const body = Readable.from(content, { objectMode: false, highWaterMark: 256 * 1024 })
      const answer = await request(urlOf(path), {
        method: 'POST',
        headers: { ...headers, 'content-type': contentType, 'cache-control': 'max-age=3600', 'x-upsert': 'true' },
        body,
        signal,
        headersTimeout: idleMs,
        bodyTimeout: idleMs,
      }).catch((error: unknown) => {
        // What went wrong with the source says more than that the request was cut off.
        throw body.errored ?? error
      })
      await expectOk(answer)
    },
    async open(path, signal) {
      const answer = await request(urlOf(path, 'authenticated/'), {
        headers,
        signal,
        headersTimeout: idleMs,
        bodyTimeout: idleMs,
      })
      if (answer.statusCode === 404 || answer.statusCode === 400) {
        await answer.body.dump()
        return null
      }
      if (answer.statusCode !== 200) await expectOk(answer)
      const length = answer.headers['content-length']
      return { content: answer.body, sizeBytes: typeof length === 'string' ? Number(length) : null }
    },
    async remove(path) {
      const { statusCode, body } = await request(urlOf(path), { method: 'DELETE', headers, headersTimeout: idleMs })
      await body.dump()
      // 400 and 404 are both said of an object that is not there.
      if (![200, 400, 404].includes(statusCode)) throw new Error(`Storage answered ${statusCode}`)
    },
  }
}

async function expectOk({ statusCode, body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump()
  if (statusCode !== 200) throw new Error(`Storage answered ${statusCode}`)
}
