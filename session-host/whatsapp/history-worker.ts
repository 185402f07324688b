import { parentPort } from 'node:worker_threads'
import { proto } from '@whiskeysockets/baileys'
import { HistoryError, readBlob, type HistoryTrouble } from './history-blob.ts'
import { sliceHistory, type HistorySlice } from './history-slices.ts'
import type { Self } from './self.ts'

/** What the host's thread says: read this chunk, go on, or stop. One chunk at a time. */
export type ToWorker =
  | { id: number; kind: 'read'; notice: Uint8Array; self: Self; origin: string; position: number }
  | { id: number; kind: 'next' }
  | { id: number; kind: 'stop' }

/** What it is answered: a slice each time it asks, the last one marked, or why there is none. */
export type FromWorker =
  | { id: number; kind: 'slice'; slice: HistorySlice }
  | { id: number; kind: 'failed'; trouble: HistoryTrouble }

const port = parentPort
if (!port) throw new Error('history-worker runs as a worker thread')

let current: { id: number; slices: Iterator<HistorySlice>; ahead: HistorySlice | undefined } | undefined

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'read':
      void begin(message)
      return
    case 'next':
      if (current?.id === message.id) give()
      return
    case 'stop':
      if (current?.id === message.id) current = undefined
      return
    default:
      message satisfies never
  }
})

async function begin({ id, notice, self, origin, position }: ToWorker & { kind: 'read' }): Promise<void> {
  current = undefined
  try {
    const bytes = await readBlob(proto.Message.HistorySyncNotification.decode(notice), origin)
    current = { id, slices: sliceHistory(bytes, self, position), ahead: undefined }
    give()
  } catch (error) {
    fail(id, error)
  }
}

/** Hands out a slice, then makes the next one while the host's thread stores this one. */
function give(): void {
  if (!current) return
  const { id, slices } = current
  try {
    const slice = current.ahead ?? pull(slices)
    if (!slice) return
    port?.postMessage({ id, kind: 'slice', slice } satisfies FromWorker, ownBytes(slice))
    if (slice.isLast) current = undefined
    else current.ahead = pull(slices)
  } catch (error) {
    current = undefined
    fail(id, error)
  }
}

/** Bytes inside a slice are views of the whole chunk: each gets a buffer of its own, which moves instead of being copied. */
function ownBytes({ batch, tokens }: HistorySlice): ArrayBuffer[] {
  const moved: ArrayBuffer[] = []
  const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => {
    const copy = new Uint8Array(bytes)
    moved.push(copy.buffer)
    return copy
  }
  for (const message of batch.messages) if (message.proto) message.proto = own(message.proto)
  for (const token of tokens) token.token = own(token.token)
  return moved
}

function pull(slices: Iterator<HistorySlice>): HistorySlice | undefined {
  const { value, done } = slices.next()
  return done ? undefined : value
}

function fail(id: number, error: unknown): void {
  const trouble = error instanceof HistoryError ? error.trouble : 'damaged'
  port?.postMessage({ id, kind: 'failed', trouble } satisfies FromWorker)
}
