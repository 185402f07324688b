import { Worker } from 'node:worker_threads'
import { HistoryError } from './history-blob.ts'
import type { HistorySlice } from './history-slices.ts'
import type { FromWorker, ToWorker } from './history-worker.ts'
import type { Self } from './self.ts'

/** Fetches and reads chunks of history in a thread of its own: one for all sessions of a host, one chunk at a time, in the order asked. */
export interface HistoryReader extends AsyncDisposable {
  /**
   * The slices of an announced chunk, from the conversation at `position` on; the last one is marked. A slice is made while the one
   * before is stored, and no more than that.
   * @throws HistoryError
   */
  read(chunk: HistoryRequest): AsyncGenerator<HistorySlice, void, void>
}

export interface HistoryRequest {
  notice: Buffer
  self: Self
  /** Conversations to leave out. */
  position: number
  /** Gives up: read() then ends early. */
  signal: AbortSignal
}

export interface HistoryReaderOptions {
  /** Origin of WhatsApp's media host. */
  origin: string
  /** The thread ends when nobody has asked for that long, in ms: it costs some 60 MB. */
  idleMs?: number
}

/** @see HistoryReader */
export function createHistoryReader({ origin, idleMs = 20_000 }: HistoryReaderOptions): HistoryReader {
  let worker: Worker | undefined
  let lastId = 0
  let idle: NodeJS.Timeout | undefined
  let closed = false
  // Whoever reads holds the turn.
  let turn: Promise<unknown> = Promise.resolve()

  function start(): Worker {
    const started = new Worker(new URL('./history-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 256 },
      stdout: false,
      stderr: false,
    })
    // Whoever waits for it hears of it.
    started.on('error', () => undefined)
    started.on('exit', () => {
      if (worker === started) worker = undefined
    })
    return started
  }

  /** The thread's next answer to a request; null when nobody wants it any more. */
  function answer(thread: Worker, id: number, signal: AbortSignal): Promise<HistorySlice | null> {
    return new Promise((resolve, reject) => {
      const heard = (message: FromWorker): void => {
        if (message.id !== id) return
        done()
        if (message.kind === 'failed') reject(new HistoryError(message.trouble))
        else resolve(message.slice)
      }
      const ended = (): void => {
        done()
        reject(new HistoryError('unavailable'))
      }
      const aborted = (): void => {
        done()
        resolve(null)
      }
      function done(): void {
        thread.off('message', heard).off('exit', ended)
        signal.removeEventListener('abort', aborted)
      }
      if (worker !== thread) return ended()
      if (signal.aborted) return aborted()
      thread.on('message', heard).on('exit', ended)
      signal.addEventListener('abort', aborted)
    })
  }

  async function* read({ notice, self, position, signal }: HistoryRequest): AsyncGenerator<HistorySlice, void, void> {
    const { promise: done, resolve: release } = Promise.withResolvers<void>()
    const before = turn
    turn = before.then(() => done)
    await before
    if (closed || signal.aborted) return release()
    clearTimeout(idle)
    const thread = (worker ??= start())
    const id = ++lastId
    const say = (message: ToWorker, transfer: ArrayBuffer[] = []): void => thread.postMessage(message, transfer)
    try {
      const own = new Uint8Array(notice)
      say({ id, kind: 'read', notice: own, self, origin, position }, [own.buffer])
      for (;;) {
        const slice = await answer(thread, id, signal)
        if (!slice) return
        // The next one is made meanwhile; it waits there until it is asked for.
        yield slice
        if (slice.isLast) return
        say({ id, kind: 'next' })
      }
    } finally {
      say({ id, kind: 'stop' })
      release()
      idle = setTimeout(() => void worker?.terminate(), idleMs)
      idle.unref()
    }
  }

  return {
    read,
    async [Symbol.asyncDispose]() {
      closed = true
      clearTimeout(idle)
      await worker?.terminate()
    },
  }
}
