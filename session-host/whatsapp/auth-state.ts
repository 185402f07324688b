import { BufferJSON, initAuthCreds, proto } from '@whiskeysockets/baileys'
import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys'
import type { LRUCache } from 'lru-cache'

/** Where a session's credentials live, as bytes. The store's CredentialStore is one. */
export interface CredentialStorage {
  load(): Promise<Buffer | null>
  getKeys(type: string, ids: string[]): Promise<Map<string, Buffer>>
  write(change: {
    credentials?: Buffer
    keys: { type: string; id: string; value: Buffer | null }[]
    inbox: { id: string; stanzaKey: string; value: Buffer }[]
  }): Promise<void>
  findInbox(id: string): Promise<Buffer | 'projected' | null>
  listInbox(): Promise<{ id: string; stanzaKey: string; value: Buffer }[]>
}

/** Decrypted keys in memory, bounded and shared by all sessions of a process; the key is `session/type/id`. */
export type KeyCache = LRUCache<string, object>

/** A message whose plaintext goes into the inbox together with the ratchet that decrypted it. */
export interface InboxRecord {
  stanzaKey: string
  value: Buffer
}

export interface AuthState {
  creds: AuthenticationCreds
  keys: SignalKeyStore
  /** True when the storage held credentials. */
  restored: boolean
  /** Marks the credentials as changed and writes them, after what is already on its way. */
  saveCreds(): Promise<void>
  /** Begins anew when a pairing was not finished, so that the next connection is linked instead of refused. */
  forgetUnfinishedPairing(): void
  /** The credentials as they are stored. */
  serializeCreds(): Buffer
  /** Resolves when everything written so far is committed. */
  settled(): Promise<void>
  /** Writes nothing any more: the session has ended, or the account went on in another one. */
  close(): void
}

/**
 * Baileys' authentication state on a storage. Each `set` of the key store becomes one transaction that carries the credentials too when
 * they changed (creds.update is emitted before the commit, socket.js:366), so that keys and counters are never out of step. Writes are
 * queued, one at a time. The cache is filled after the commit only: what failed to be stored must not be used.
 */
export async function createAuthState(
  storage: CredentialStorage,
  {
    sessionId,
    cache,
    onFatal,
    onMappings,
  }: {
    sessionId: string
    cache: KeyCache
    /** The storage failed and is not used any more: end the connection at once. */
    onFatal: (error: unknown) => void
    /** Baileys has learned which LID is which number's, from wherever: users of both, after the commit. */
    onMappings?: (pairs: { pn: string; lid: string }[]) => void
  },
): Promise<AuthState> {
  const saved = await storage.load()
  const stored = saved && (JSON.parse(saved.toString('utf8'), BufferJSON.reviver) as AuthenticationCreds)
  // An unfinished pairing leaves an account without its signature behind: WhatsApp answers 401 to it for ever.
  const creds = stored && !isUnfinished(stored) ? stored : initAuthCreds()
  let dirty = false
  let closed = false
  let commits = 0
  let tail: Promise<void> = Promise.resolve()

  function enqueue(write: () => Promise<void>): Promise<void> {
    const next = tail.then(write)
    tail = next.catch(() => undefined)
    return next
  }
  function serializeCreds(): Buffer {
    return Buffer.from(JSON.stringify(creds, BufferJSON.replacer), 'utf8')
  }
  async function write(keys: KeyWrite[], inbox: { id: string; stanzaKey: string; value: Buffer }[]): Promise<void> {
    if (closed) throw new Error('the session has ended')
    const credentials = dirty ? serializeCreds() : undefined
    dirty = false
    try {
      await storage.write({ ...(credentials ? { credentials } : {}), keys, inbox })
    } catch (error) {
      // Baileys would go on with keys that exist in memory only; the session has to end and start from what is stored.
      throw fatal(error)
    }
  }
  function fatal(error: unknown): unknown {
    if (closed) return error
    closed = true
    onFatal(error)
    return error
  }

  /**
   * Baileys takes a key that could not be read for one that is not there: it would tell WhatsApp that the message can't be decrypted, and
   * WhatsApp would not deliver it again. So a failed read ends the session, before anything is answered.
   */
  async function read(type: string, ids: string[]): Promise<Map<string, Buffer>> {
    if (closed) throw new Error('the session has ended')
    try {
      return await storage.getKeys(type, ids)
    } catch (error) {
      throw fatal(error)
    }
  }

  const keys: SignalKeyStore = {
    async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
      const found: Record<string, SignalDataTypeMap[T]> = {}
      const missing: string[] = []
      for (const id of ids) {
        const cached = cache.get(cacheKey(type, id))
        if (cached === undefined) missing.push(id)
        else keep(found, id, (cached as Boxed<SignalDataTypeMap[T]>).value)
      }
      if (missing.length > 0) {
        const before = commits
        const rows = await read(type, missing)
        for (const id of missing) {
          const bytes = rows.get(id)
          // That there is none is known as well: Baileys asks for some with every message.
          const value = bytes ? decode(type, bytes) : null
          keep(found, id, value)
          // What was read while something was written may be of before.
          if (commits === before) cache.set(cacheKey(type, id), { value })
        }
      }
      return found
    },
    set: (data) =>
      enqueue(async () => {
        const { inbox, ...signal } = data as SignalDataSet & { inbox?: Record<string, InboxRecord> }
        const entries = Object.entries(signal).flatMap(([type, values]) =>
          Object.entries(values ?? {}).map(([id, value]): [KeyWrite, unknown] => [
            { type, id, value: value === null || value === undefined ? null : encode(value) },
            value,
          ]),
        )
        commits += 1
        await write(
          entries.map(([entry]) => entry),
          Object.entries(inbox ?? {}).map(([id, record]) => ({ id, ...record })),
        )
        commits += 1
        for (const [{ type, id }, value] of entries) {
          cache.set(cacheKey(type, id), { value: value ?? null })
        }
        const pairs = mappingsIn(data)
        if (pairs.length > 0) onMappings?.(pairs)
      }),
  }

  function cacheKey(type: string, id: string): string {
    return `${sessionId}/${type}/${id}`
  }

  return {
    creds,
    keys,
    restored: creds === stored,
    saveCreds() {
      dirty = true
      return enqueue(async () => {
        if (dirty && !closed) await write([], [])
      })
    },
    forgetUnfinishedPairing() {
      if (!isUnfinished(creds)) return
      for (const name of Object.keys(creds)) Reflect.deleteProperty(creds, name)
      Object.assign(creds, initAuthCreds())
    },
    serializeCreds,
    settled: () => enqueue(() => Promise.resolve()),
    close() {
      closed = true
    },
  }
}

/** Asking for a pairing code names an account (socket.js:602) that only a phone's signature makes real. */
function isUnfinished(creds: AuthenticationCreds): boolean {
  return creds.me !== undefined && !creds.account
}

/** Each mapping is written twice, number → LID and, marked, back (lid-mapping.js storeLIDPNMappings). */
function mappingsIn(data: SignalDataSet): { pn: string; lid: string }[] {
  return Object.entries(data['lid-mapping'] ?? {}).flatMap(([pn, lid]) =>
    typeof lid === 'string' && !pn.endsWith('_reverse') ? [{ pn, lid }] : [],
  )
}

interface KeyWrite {
  type: string
  id: string
  value: Buffer | null
}

interface Boxed<T> {
  /** null: there is no such key. */
  value: T | null
}

function keep<T>(found: Record<string, T>, id: string, value: T | null): void {
  if (value !== null) found[id] = value
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, BufferJSON.replacer), 'utf8')
}

function decode<T extends keyof SignalDataTypeMap>(type: T, bytes: Buffer): SignalDataTypeMap[T] {
  const value: unknown = JSON.parse(bytes.toString('utf8'), BufferJSON.reviver)
  // Baileys expects a protobuf object here (use-multi-file-auth-state.js does the same).
  if (type === 'app-state-sync-key')
    return proto.Message.AppStateSyncKeyData.fromObject(value as object) as unknown as SignalDataTypeMap[T]
  return value as SignalDataTypeMap[T]
}
