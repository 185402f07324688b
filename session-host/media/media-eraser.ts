import { createClient } from '@supabase/supabase-js'
import type { ErasureStore, MediaErasure } from '../store/erasures.ts'

export interface MediaEraserOptions {
  supabaseUrl: string
  /** The project's secret key: the files are of users whose tokens nobody has any more. */
  serviceKey: string
  erasures: ErasureStore
  /** Is given ids, numbers and codes, never a name: names of files are the user's data. */
  logger: { info(facts: object, message: string): void; warn(facts: object, message: string): void }
  /** How often it looks by itself, in ms. */
  scanMs?: number
  /** Objects a request; by default the most that the Storage API lists or deletes at once. */
  pageSize?: number
}

/** Deletes the files of erased users through the Storage API; SQL can't, there the rows are protected. */
export interface MediaEraser extends AsyncDisposable {
  /** Looks for work now. */
  wake(): void
}

/** What NOTIFY on the wake channel says when there is work. */
export const eraseMedia = 'erase_media'

const bucket = 'media'
/** A claim counts this long (seconds); work on it ends well before (ms), and the rest is for the next claim. */
const claimSeconds = 300
const workMs = 200_000
const requestTimeoutMs = 30_000

/** @see MediaEraser. Work that a dispose interrupts is reported as far as it came. */
export function createMediaEraser(options: MediaEraserOptions): MediaEraser {
  const { supabaseUrl, serviceKey, erasures, logger, scanMs = 60_000, pageSize = 1_000 } = options
  const stopping = new AbortController()
  const storage = createClient(supabaseUrl, serviceKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: {
      fetch: (input, init) =>
        fetch(input, { ...init, signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(requestTimeoutMs)]) }),
    },
  }).storage.from(bucket)
  let running: Promise<void> | undefined
  let again = false

  function wake(): void {
    if (stopping.signal.aborted) return
    again = true
    running ??= work().finally(() => {
      running = undefined
      if (again) wake()
    })
  }

  async function work(): Promise<void> {
    again = false
    try {
      while (!stopping.signal.aborted) {
        const erasure = await erasures.claim(claimSeconds)
        if (!erasure) return
        await erase(erasure)
      }
    } catch (error) {
      logger.warn({ error: codeOf(error) }, 'erasures of media could not be claimed or reported')
    }
  }

  async function erase({ id, mediaPrefix }: MediaErasure): Promise<void> {
    const until = performance.now() + workMs
    let removed = 0
    let done = false
    try {
      // The prefix of nobody would be everybody's.
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/$/.test(mediaPrefix)) throw new Error('no prefix of a user')
      while (!done && performance.now() < until) {
        const names = await listPage(mediaPrefix)
        if (names.length > 0) removed += await removePage(names)
        else done = true
      }
      logger.info({ erasure: id, removed, done }, 'media of an erased user deleted')
    } catch (error) {
      logger.warn({ erasure: id, removed, error: codeOf(error) }, 'media of an erased user could not all be deleted')
    }
    await erasures.finish(id, { removed, done })
  }

  /** Always the first page: what was listed is gone by the time of the next. */
  async function listPage(prefix: string): Promise<string[]> {
    const { data, error } = await storage.listV2({ prefix, limit: pageSize, with_delimiter: false })
    if (error && 'code' in error && error.code === 'NoSuchBucket') return []
    if (error) throw error
    const names = data.objects.map(({ key, name }) => key ?? name)
    if (names.some((name) => !name.startsWith(prefix))) throw new Error('Storage listed objects outside the prefix')
    return names
  }

  async function removePage(names: string[]): Promise<number> {
    const { data, error } = await storage.remove(names)
    if (error) throw error
    if (data.length === 0) throw new Error('Storage deleted nothing of what it listed')
    return data.length
  }

  const scan = setInterval(wake, scanMs)
  wake()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      clearInterval(scan)
      again = false
      stopping.abort()
      await running
    },
  }
}

/** What an error may say in a log: its kind and code. Its sentence may name a file. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  const detail = code ?? statusCode
  return typeof detail === 'string' && /^\w{1,40}$/.test(detail) ? `${error.name} ${detail}` : error.name
}
