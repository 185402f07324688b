import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ErrorCode } from '#shared/errors.ts'
import type { MessageType } from '#shared/message.ts'
import type { MediaSends, OutgoingFile, SentFileFacts } from '../store/media-sends.ts'
import { fileKindOf } from './file-kind.ts'
import type { GuardedFetch } from './guarded-fetch.ts'
import { MediaFailure } from './media-failure.ts'
import type { ObjectStore } from './object-store.ts'
import { counted, readHead } from './read-head.ts'
import { safeName } from './safe-name.ts'
import { sentKindOf, type SentKind } from './sent-kind.ts'
import type { Slots } from './slots.ts'
import { limitPictureMemory, readPicture } from './thumbnail.ts'
import { readVoiceNote } from './voice-note.ts'

/** A file as it is handed to WhatsApp. */
export interface FileToSend {
  kind: SentKind
  content: Readable
  mimeType: string
  caption: string | null
  fileName: string | null
  seconds: number | null
  width: number | null
  height: number | null
  waveform: number[] | null
  thumbnail: Buffer | null
}

export interface MediaSenderOptions {
  userId: string
  sends: MediaSends
  objects: ObjectStore
  web: GuardedFetch
  maxBytes: number
  /** Files on their way at once, for all sessions of the host. */
  slots: Slots
}

/** Makes messages of the files that users send. */
export interface MediaSender {
  /**
   * Uploads a file to WhatsApp with `upload`, which answers the encoded message that is to be sent, and keeps that: a message that is
   * sent again is not uploaded again. Fails for good with the code of the answer; what is thrown may pass.
   */
  make(messageId: string, upload: (file: FileToSend) => Promise<Uint8Array>): Promise<MadeMessage>
}

export type MadeMessage =
  | { kind: 'made'; proto: Uint8Array }
  /** The message has no file. */
  | { kind: 'none' }
  | { kind: 'failed'; code: ErrorCode }

/** What one file may take on its way, in ms. */
const timeoutMs = 900_000
/** Pictures, sounds and stickers are looked at as a whole; WhatsApp takes no larger ones as such. Bytes. */
const looksInto = 16 * 1024 * 1024

/** @see MediaSender */
export function createMediaSender({ userId, sends, objects, web, maxBytes, slots }: MediaSenderOptions): MediaSender {
  limitPictureMemory()

  async function make(messageId: string, upload: (file: FileToSend) => Promise<Uint8Array>): Promise<MadeMessage> {
    const file = await sends.read(messageId)
    if (!file) return { kind: 'none' }
    if (file.proto) return { kind: 'made', proto: file.proto }
    try {
      return { kind: 'made', proto: await slots.during(() => prepare(file, upload)) }
    } catch (error) {
      if (error instanceof MediaFailure) return { kind: 'failed', code: error.code }
      throw error
    }
  }

  async function prepare(file: OutgoingFile, upload: (file: FileToSend) => Promise<Uint8Array>): Promise<Uint8Array> {
    const signal = AbortSignal.timeout(timeoutMs)
    const source = file.path === null ? await fetchIntoFolder(file, signal) : { path: file.path, name: null }
    // Checked as the user when it was asked for (private.own_file); once more before the project's key is used on it.
    if (!source.path.startsWith(`${userId}/`)) throw new MediaFailure('path_not_allowed')
    const object = await objects.open(source.path, signal)
    if (!object) throw new MediaFailure('file_not_found')
    const sizeBytes = object.sizeBytes ?? maxBytes
    if (sizeBytes > maxBytes) {
      object.content.on('error', () => undefined).destroy()
      throw new MediaFailure('media_too_large')
    }
    const { head, pieces } = await readHead(object.content)
    if (head.length === 0) throw new MediaFailure('media_type_not_allowed', 'an empty file')
    const { mimeType, extension } = await fileKindOf(head, null)
    const kind = sentKindOf(file.type, { mimeType, sizeBytes, caption: file.caption })
    const name = safeName(file.fileName) ?? safeName(source.name) ?? safeName(source.path) ?? `file.${extension}`
    const whole = kind !== 'document' && sizeBytes <= looksInto && !isFilm(kind) ? await readWhole(pieces) : null
    const facts = whole ? await lookInto(kind, whole) : nothingKnown
    const hash = createHash('sha256')
    let sent = 0
    const content = Readable.from(
      counted(whole ? once(whole) : pieces, (piece) => {
        hash.update(piece)
        sent += piece.length
        if (sent > maxBytes) throw new MediaFailure('media_too_large')
      }),
      { objectMode: false },
    )
    const proto = await upload({
      ...facts,
      kind,
      content,
      mimeType: kind === 'voice' ? 'audio/ogg; codecs=opus' : mimeType,
      caption: file.caption,
      fileName: kind === 'document' ? name : null,
    }).catch((error: unknown) => {
      throw content.errored instanceof MediaFailure ? content.errored : error
    })
    const { seconds, ...shown } = facts
    const known: SentFileFacts = {
      ...shown,
      durationSeconds: seconds,
      messageType: typeOf(kind),
      mimeType,
      sizeBytes: sent,
      sha256: hash.digest('hex'),
      fileName: kind === 'document' ? name : safeName(file.fileName),
    }
    await sends.made(file.messageId, proto, known)
    return proto
  }

  /** What an address delivers goes into its user's folder first: there it is shown from, and sent from, however often that takes. */
  async function fetchIntoFolder(
    file: OutgoingFile,
    signal: AbortSignal,
  ): Promise<{ path: string; name: string | null }> {
    const found = await web.open(file.url ?? '', signal)
    const { head, pieces } = await readHead(found.content)
    if (head.length === 0) throw new MediaFailure('url_unreachable', 'an empty file')
    const { mimeType, extension } = await fileKindOf(head, found.contentType)
    const path = `${userId}/out/${file.messageId}.${extension}`
    await objects.put(path, pieces, mimeType, signal)
    await sends.fetched(file.messageId, path)
    return { path, name: found.fileName }
  }

  return { make }
}

const nothingKnown = { seconds: null, width: null, height: null, waveform: null, thumbnail: null }

async function lookInto(
  kind: SentKind,
  file: Buffer,
): Promise<typeof nothingKnown | Pick<FileToSend, keyof typeof nothingKnown>> {
  switch (kind) {
    case 'image':
      return { ...nothingKnown, ...(await readPicture(file)) }
    case 'sticker': {
      const { width, height } = await readPicture(file)
      return { ...nothingKnown, width, height }
    }
    case 'audio':
    case 'voice': {
      const note = readVoiceNote(file)
      if (kind === 'voice' && !note) throw new MediaFailure('media_type_not_allowed', 'no Ogg/Opus')
      return {
        ...nothingKnown,
        seconds: note?.seconds ?? null,
        waveform: kind === 'voice' && note ? note.waveform : null,
      }
    }
    default:
      return nothingKnown
  }
}

function isFilm(kind: SentKind): boolean {
  return kind === 'video' || kind === 'gif' || kind === 'video_note'
}

function typeOf(kind: SentKind): MessageType {
  if (isFilm(kind)) return 'video'
  return kind === 'voice' ? 'audio' : (kind as MessageType)
}

async function* once(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece
}

async function readWhole(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    // Storage said less; that is no reason to keep more.
    if (size > looksInto) throw new MediaFailure('media_too_large')
    all.push(piece)
  }
  return Buffer.concat(all)
}
