import { setTimeout as pause } from 'node:timers/promises'
import type { ErrorCode } from '#shared/errors.ts'
import { isLeaseLost } from '../store/fenced.ts'
import type { HistoryStore, WaitingChunk } from '../store/history-chunks.ts'
import type { Projection } from '../store/projection.ts'
import { HistoryError, type HistoryTrouble } from '../whatsapp/history-blob.ts'
import type { HistoryNotice } from '../whatsapp/history-notice.ts'
import type { HistoryReader } from '../whatsapp/history-reader.ts'
import type { HistorySlice } from '../whatsapp/history-slices.ts'
import type { Self } from '../whatsapp/self.ts'
import { projectSafely, whenReachable, type Patience } from './project-safely.ts'

export interface HistoryImportOptions {
  chunks: HistoryStore
  reader: HistoryReader
  projection: Projection
  /** The linked account; null before a phone is linked. */
  self: () => Self | null
  /** Keeps what a slice says for Baileys: who is one person, and privacy tokens. */
  keep: (slice: Pick<HistorySlice, 'pairs' | 'tokens'>) => Promise<void>
  /** Asks the phone for a chunk again. False while there is no connection. */
  requestAgain: (chunk: WaitingChunk) => Promise<boolean>
  patience: Patience
  onChange: () => void
  /** The lease is lost, or the database gave up: the session has to end. */
  onFatal: (error: unknown) => void
  /** A phone that has sent nothing for so long has paused, in ms. */
  pauseMs?: number
}

/** Imports the chunks of history that a session's phone announces, one slice after another, beside everything else that it does. */
export interface HistoryImport {
  /** Keeps an announcement. Resolves when it is committed. */
  add(notice: HistoryNotice): Promise<void>
  /** There may be something to import. */
  wake(): void
  /** Resolves when the slice that is under way is stored. */
  stop(): Promise<void>
}

/** Pauses between tries of a download, in seconds; after the last one the chunk has failed. */
const retrySeconds = [2, 5, 15, 60, 300, 900]
/** How long the phone may take to send a chunk again, in seconds; it is asked three times. */
const resendSeconds = [30, 120, 600]
/** WhatsApp Web takes a phone for paused after as long without a chunk (Defaults/index.js HISTORY_SYNC_PAUSED_TIMEOUT_MS). */
const defaultPauseMs = 120_000

/** @see HistoryImport */
export function createHistoryImport(options: HistoryImportOptions): HistoryImport {
  const { chunks, reader, projection, patience, onChange } = options
  const { logger } = patience
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined
  let paused: NodeJS.Timeout | undefined
  armPause()

  function wake(): void {
    again = true
    if (stopping.signal.aborted || running) return
    running = run()
      .catch((error: unknown) => {
        if (isLeaseLost(error)) return options.onFatal(error)
        logger.warn({ error: nameOf(error) }, 'history could not be imported, trying again')
        later(5_000)
      })
      .finally(() => {
        running = undefined
        if (again) wake()
      })
  }

  async function run(): Promise<void> {
    clearTimeout(timer)
    while (again && !stopping.signal.aborted) {
      again = false
      for (;;) {
        const chunk = stopping.signal.aborted ? null : await whenReachable(() => chunks.next(), patience)
        if (!chunk) break
        await importChunk(chunk)
        onChange()
      }
      const seconds = stopping.signal.aborted ? null : await chunks.secondsToNext()
      if (seconds !== null) later(Math.max(seconds, 0) * 1_000 + 50)
    }
  }

  async function importChunk(chunk: WaitingChunk): Promise<void> {
    const self = options.self()
    if (!self) return
    const startedAt = performance.now()
    let messages = 0
    try {
      const { signal } = stopping
      for await (const slice of reader.read({ notice: chunk.bytes, self, position: chunk.position, signal })) {
        if (stopping.signal.aborted) return
        messages += slice.batch.messages.length
        await storeSlice(chunk, slice)
        // Whoever waits for this thread comes first.
        await pause(0)
      }
      armPause()
      logger.info(
        { kind: chunk.syncType, messages, ms: Math.round(performance.now() - startedAt) },
        'a chunk of history was imported',
      )
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
      if (!stopping.signal.aborted) await giveBack(chunk, error.trouble)
    }
  }

  async function storeSlice(
    chunk: WaitingChunk,
    { batch, pairs, tokens, position, isLast }: HistorySlice,
  ): Promise<void> {
    await options.keep({ pairs, tokens })
    const history = { chunkId: chunk.id, syncType: chunk.syncType, position, isLast, pairs }
    await projectSafely(projection, { ...batch, history }, patience)
  }

  /** A file that did not come may come later; one that is gone or damaged only the phone can send again. */
  async function giveBack(chunk: WaitingChunk, trouble: HistoryTrouble): Promise<void> {
    const code: ErrorCode = trouble === 'damaged' ? 'history_damaged' : 'history_unavailable'
    const delay = (trouble === 'unavailable' ? retrySeconds : resendSeconds)[chunk.attempts] ?? null
    // Before the phone is asked: it may answer at once, and what it sends takes the place of a chunk that is known to have failed.
    await whenReachable(() => chunks.fail(chunk.id, code, delay), patience)
    const asks = delay !== null && trouble !== 'unavailable'
    const asked = asks && (await options.requestAgain(chunk).catch(() => false))
    logger.warn(
      { kind: chunk.syncType, trouble, attempts: chunk.attempts + 1, asked, retryInSeconds: delay },
      'a chunk of history could not be had',
    )
    onChange()
  }

  function later(ms: number): void {
    clearTimeout(timer)
    if (!stopping.signal.aborted) timer = setTimeout(wake, Math.min(ms, 2 ** 31 - 1))
  }

  function armPause(): void {
    clearTimeout(paused)
    if (stopping.signal.aborted) return
    paused = setTimeout(() => {
      if (running) return armPause()
      chunks.pause().then(onChange, (error: unknown) => {
        logger.warn({ error: nameOf(error) }, 'the history could not be marked as paused')
      })
    }, options.pauseMs ?? defaultPauseMs)
    paused.unref()
  }

  return {
    async add(notice) {
      await whenReachable(() => chunks.add(notice), patience)
      armPause()
      wake()
    },
    wake,
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      clearTimeout(paused)
      await running
    },
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
