import { BufferJSON, type SignalDataSet } from '@whiskeysockets/baileys'

/** A message whose plaintext goes into the inbox together with the ratchet that decrypted it. */
export interface InboxRecord {
  stanzaKey: string
  value: Buffer
}

/** What goes into one transaction. */
export interface KeyChange {
  keys: { type: string; id: string; value: Buffer | null }[]
  inbox: ({ id: string } & InboxRecord)[]
  /** Settled with it: what comes of it can name it. */
  committed: Promise<void>
}

/** Key-store calls on their way to the storage. */
export interface KeyWriter {
  /** Adds a call, and what else there is to write (see `write`). Resolves after its commit, rejects when that failed. */
  put(data: KeyData): Promise<void>
  /** What was put and is not committed yet: undefined when nothing is. */
  find(type: string, id: string): { value: unknown } | undefined
  /** Calls that are not committed yet. */
  readonly uncommitted: number
  /** Resolves when everything put so far is committed, rejects when it can't be; null when there is nothing to wait for. */
  pending(): Promise<void> | null
}

/** A call of Baileys' key store; the inbox's rows travel in it. */
export type KeyData = SignalDataSet & { inbox?: Record<string, InboxRecord> }

interface Waiting {
  entries: Map<string, Entry>
  inbox: Map<string, InboxRecord>
  calls: number
  committed: Promise<void>
  resolve: () => void
  reject: (error: unknown) => void
}

interface Entry {
  type: string
  id: string
  value: unknown
  encoded: Buffer | null | undefined
}

/**
 * One transaction is under way at a time; the calls that come meanwhile go together in the next one, the newest value of each key, so
 * that a session which receives many messages at once does not wait for a commit a message. A failure is final.
 */
export function createKeyWriter({
  write,
  onCommitted,
}: {
  write: (change: KeyChange) => Promise<void>
  onCommitted: (type: string, id: string, value: unknown) => void
}): KeyWriter {
  let writing: Waiting | undefined
  let waiting: Waiting | undefined
  let failed: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting) {
      writing = waiting
      waiting = undefined
      try {
        await write(changeOf(writing))
        for (const { type, id, value } of writing.entries.values()) onCommitted(type, id, value)
        writing.resolve()
      } catch (error) {
        failed = writing.committed
        writing.reject(error)
        // Whatever came after it builds on it.
        const rest = waiting as Waiting | undefined
        rest?.reject(error)
        writing = undefined
        waiting = undefined
        return
      }
      writing = undefined
    }
  }

  return {
    put(data) {
      if (failed) return failed
      const isFirst = waiting === undefined
      waiting ??= newWaiting()
      waiting.calls += 1
      const { inbox, ...signal } = data
      for (const [type, values] of Object.entries(signal))
        for (const [id, value] of Object.entries((values ?? {}) as Record<string, unknown>))
          waiting.entries.set(`${type}/${id}`, { type, id, value: value ?? null, encoded: early(type, value) })
      for (const [id, record] of Object.entries(inbox ?? {})) waiting.inbox.set(id, record)
      const { committed } = waiting
      if (isFirst && !writing) void writeAll()
      return committed
    },
    find: (type, id) => waiting?.entries.get(`${type}/${id}`) ?? writing?.entries.get(`${type}/${id}`),
    get uncommitted() {
      return (writing?.calls ?? 0) + (waiting?.calls ?? 0)
    },
    pending: () => failed ?? waiting?.committed ?? writing?.committed ?? null,
  }
}

function newWaiting(): Waiting {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Who only asks whether it is done later must not miss that it failed.
  promise.catch(() => undefined)
  return { entries: new Map(), inbox: new Map(), calls: 0, committed: promise, resolve, reject }
}

function changeOf({ entries, inbox, committed }: Waiting): KeyChange {
  return {
    keys: [...entries.values()].map(({ type, id, value, encoded }) => ({
      type,
      id,
      value: encoded === undefined ? encode(value) : encoded,
    })),
    inbox: [...inbox].map(([id, record]) => ({ id, ...record })),
    committed,
  }
}

/** Sessions are written anew with every message, from a copy that nobody changes (libsignal serialises them): the last one will do. */
function early(type: string, value: unknown): Buffer | null | undefined {
  if (value === null || value === undefined) return null
  return type === 'session' ? undefined : encode(value)
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, BufferJSON.replacer), 'utf8')
}
