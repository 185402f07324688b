import type { ErrorCode } from '#shared/errors.ts'
import type { MediaDownloads, PendingMedia } from '../store/media-downloads.ts'
import { decryptMedia, type MediaSource } from './decrypt-media.ts'
import { defaultIdleMs, fetchEncrypted } from './fetch-encrypted.ts'
import { fileKindOf } from './file-kind.ts'
import { MediaFailure } from './media-failure.ts'
import type { ObjectStore } from './object-store.ts'
import { counted, readHead } from './read-head.ts'
import type { Slots } from './slots.ts'

/** What the fetcher asks of a connection to WhatsApp. */
export interface MediaAccess {
  /** The media hosts that WhatsApp's server names. */
  mediaHosts(): Promise<string[]>
  /** What a kept message says of its file; null when it has none. */
  readSource(proto: Uint8Array): MediaSource | null
  /** Asks the phone to upload the file of a message again. */
  askForMedia(
    message: { chat: string; waId: string; fromMe: boolean; sender: string | null },
    mediaKey: Uint8Array,
  ): Promise<void>
}

/** The phone's answer: where the file is now, or that it has it no more. */
export interface MediaAnswer {
  waId: string
  /** Opens the answer with the file's key; null when the phone does not have the file. Throws when it is not about this file. */
  open(mediaKey: Uint8Array): string | null
}

export interface MediaFetcherOptions {
  userId: string
  downloads: MediaDownloads
  objects: ObjectStore
  /** The open connection, or null while there is none. */
  access: () => MediaAccess | null
  /** Also what nobody asked for. */
  eager: boolean
  maxBytes: number
  /** Downloads of all sessions of the host at once. */
  slots: Slots
  onChange: () => void
  logger: { info(facts: object, message: string): void; warn(facts: object, message: string): void }
  idleMs?: number
}

/** Fetches the media of one session's messages into Storage. */
export interface MediaFetcher {
  /** There may be something to fetch. */
  wake(): void
  /** The phone has answered a request for a file. */
  answered(answer: MediaAnswer): Promise<void>
  stop(): Promise<void>
}

const perSession = 2
const maxAttempts = 8
/** Tries that nobody saw the end of, because the process ended or the connection was gone, count as well: there is an end to them, too. */
const mostBegun = 40
/** The phone may be off: it is asked again after so many seconds, and then no more. */
const askAgainSeconds = [60, 900, 21_600]
/** The longest that one download may take, in ms. */
const downloadMs = 900_000

/** @see MediaFetcher. A medium that fails leaves its message as it is, with the reason. */
export function createMediaFetcher(options: MediaFetcherOptions): MediaFetcher {
  const { userId, downloads, objects, access, eager, maxBytes, slots, logger, idleMs = defaultIdleMs } = options
  const stopping = new AbortController()
  const running = new Map<string, Promise<void>>()
  let pumping: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined

  function wake(): void {
    again = true
    if (stopping.signal.aborted || pumping) return
    pumping = pump()
      .catch((error: unknown) => {
        logger.warn({ error: nameOf(error) }, 'media could not be looked for')
        later(5_000)
      })
      .finally(() => {
        pumping = undefined
        if (again && running.size < perSession && access()) wake()
      })
  }

  async function pump(): Promise<void> {
    while (again && !stopping.signal.aborted && access() && running.size < perSession) {
      again = false
      const due = await downloads.begin({ limit: perSession - running.size, eager, except: [...running.keys()] })
      for (const media of due) start(media)
      if (due.length === perSession) continue
      const seconds = await downloads.secondsToNext(eager)
      if (seconds !== null) later(Math.min(Math.max(seconds, 1), 3_600) * 1_000)
    }
  }

  function start(media: PendingMedia): void {
    const run = slots
      .during(() => attempt(media))
      .catch((error: unknown) => settleFailure(media, error))
      .catch((error: unknown) =>
        logger.warn({ message: media.messageId, error: nameOf(error) }, 'what became of a medium could not be stored'),
      )
      .finally(() => {
        running.delete(media.messageId)
        options.onChange()
        wake()
      })
    running.set(media.messageId, run)
  }

  async function attempt(media: PendingMedia): Promise<void> {
    if (media.attempts > mostBegun) throw new MediaFailure('media_unavailable')
    const open = access()
    if (!open) return downloads.postpone(media.messageId, 1, false)
    const source = media.proto && open.readSource(media.proto)
    if (!source) throw new MediaFailure('media_corrupt', 'no source')
    if ((media.sizeBytes ?? 0) > maxBytes) throw new MediaFailure('media_too_large')
    const sha256 = Buffer.from(source.fileSha256).toString('hex')
    const kept = await downloads.findStored(sha256)
    const keyed = kept.find(({ proto }) => proto && hasKey(open.readSource(proto), source.mediaKey))
    if (keyed) return finish(media, { ...keyed, shared: true, sizeBytes: null })
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(downloadMs)])
    const encrypted = await fetchEncrypted(media.directPath ?? source.directPath, {
      hosts: await open.mediaHosts(),
      maxBytes,
      idleMs,
      signal,
    })
    const decrypted = decryptMedia(encrypted, source, maxBytes)
    // Whoever knows a file's digest alone does not have the file: their own has to be it before it is shown as theirs.
    if (kept[0]) {
      for await (const _piece of decrypted);
      return finish(media, { ...kept[0], shared: true, sizeBytes: null })
    }
    const { head, pieces } = await readHead(decrypted)
    const kind = await fileKindOf(head, media.mimeType)
    // The session's own user and a place that no other file ever has, never a name that somebody chose.
    const path = `${userId}/in/${media.messageId}.${kind.extension}`
    let sizeBytes = 0
    await objects.put(
      path,
      counted(pieces, (piece) => (sizeBytes += piece.length)),
      kind.mimeType,
      signal,
    )
    await finish(media, { path, shared: false, sizeBytes, mimeType: kind.mimeType })
  }

  async function finish(
    media: PendingMedia,
    file: { path: string; shared: boolean; sizeBytes: number | null; mimeType: string | null },
  ): Promise<void> {
    const outcome = await downloads.stored(media.messageId, file)
    logger.info({ message: media.messageId, bytes: file.sizeBytes, shared: file.shared, outcome }, 'medium stored')
    if (outcome === 'unwanted' && !file.shared) await objects.remove(file.path)
    // The next try finds no file to share.
    if (outcome === 'gone') await downloads.postpone(media.messageId, 0, false)
  }

  async function settleFailure(media: PendingMedia, error: unknown): Promise<void> {
    const { messageId, attempts, asked } = media
    // Nothing is wrong with it: whoever runs the session next goes on.
    if (stopping.signal.aborted) return downloads.postpone(messageId, 0, false)
    const code: ErrorCode | null = error instanceof MediaFailure ? error.code : null
    logger.warn({ message: messageId, attempts, asked, error: code ?? nameOf(error) }, 'medium not fetched')
    if (code === 'media_expired') return askPhone(media)
    // What was cut or changed on the way may come right the next time; a sender who lies does so every time.
    if (code === 'media_corrupt' && attempts < 2) return downloads.postpone(messageId, 5, false)
    if (code) return downloads.gaveUp(messageId, 'failed', code)
    if (attempts >= maxAttempts) return downloads.gaveUp(messageId, 'failed', 'media_unavailable')
  }

  async function askPhone(media: PendingMedia): Promise<void> {
    const pause = askAgainSeconds[media.asked]
    const open = access()
    const source = media.proto && open?.readSource(media.proto)
    if (!open || !source) return
    if (pause === undefined) return downloads.gaveUp(media.messageId, 'expired', 'media_expired')
    // First noted, then asked: the answer may come at once.
    await downloads.postpone(media.messageId, pause, true)
    await open.askForMedia(media, source.mediaKey)
  }

  async function answered(answer: MediaAnswer): Promise<void> {
    for (const { messageId, proto } of await downloads.findAsked(answer.waId)) {
      const source = proto && access()?.readSource(proto)
      if (!source) continue
      try {
        const directPath = answer.open(source.mediaKey)
        if (directPath === null) await downloads.gaveUp(messageId, 'expired', 'media_expired')
        else await downloads.moved(messageId, directPath)
      } catch (error) {
        logger.warn({ message: messageId, error: nameOf(error) }, 'an answer about a medium could not be used')
      }
    }
    options.onChange()
    wake()
  }

  function later(ms: number): void {
    clearTimeout(timer)
    if (!stopping.signal.aborted) timer = setTimeout(wake, ms)
  }

  return {
    wake,
    answered,
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await pumping
      await Promise.allSettled(running.values())
    },
  }
}

/** Whether a message that is known here announced its file with this key: who has the key has had the message. */
function hasKey(source: MediaSource | null, mediaKey: Uint8Array): boolean {
  return source !== null && Buffer.from(source.mediaKey).equals(mediaKey)
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? `${error.name} ${code}` : error.name
}
