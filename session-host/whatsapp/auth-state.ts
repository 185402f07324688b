import { BufferJSON, initAuthCreds, proto } from '@whiskeysockets/baileys'
import type { AuthenticationCreds, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys'
import type { LRUCache } from 'lru-cache'
import { createKeyWriter, type KeyChange, type KeyData } from './key-writer.ts'
import { pruneSession } from './prune-session.ts'

/** Where a session's credentials live, as bytes. The store's CredentialStore is one. */
export interface CredentialStorage {
  load(): Promise<Buffer | null>
  getKeys(type: string, ids: string[]): Promise<Map<string, Buffer>>
  write(change: {
    credentials?: Buffer
    keys: { type: string; id: string; value: Buffer | null }[]
    inbox: { id: string; stanzaKey: string; value: Buffer }[]
    /** What `uncommitted` answers until it is. */
    committed?: Promise<void>
  }): Promise<void>
  findInbox(id: string): Promise<Buffer | 'projected' | null>
  listInbox(): Promise<{ id: string; stanzaKey: string; value: Buffer }[]>
}

/** Decrypted keys in memory, bounded and shared by all sessions of a process; the key is `session/type/id`. */
export type KeyCache = LRUCache<string, object>

/** Key-store calls that may wait for their commit while more are made: what memory holds for a database that is slow. */
const mostUncommitted = 64

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
  /**
   * The same key store for one who goes on before the commit: `set` resolves when the new keys are in use, and after the commit only when
   * too many wait for theirs. Whatever follows from them must not leave this process before `uncommitted` says so.
   */
  keysAhead: SignalKeyStore
  /** Resolves when everything written so far is committed or has failed. */
  settled(): Promise<void>
  /** Resolves when everything written so far is committed, rejects when it can't be. Null: everything is. */
  uncommitted(): Promise<void> | null
  /** Writes nothing any more: the session has ended, or the account went on in another one. */
  close(): void
}

/**
 * Baileys' authentication state on a storage. Each `set` of the key store becomes one transaction that carries the credentials too when
 * they changed (creds.update is emitted before the commit, socket.js:366), so that keys and counters are never out of step. Writes are
 * queued, one at a time. The shared cache is filled after the commit only: what failed to be stored must not be used.
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
  // What an earlier owner of the session in this process has left is of before.
  for (const key of cache.keys()) if (key.startsWith(`${sessionId}/`)) cache.delete(key)
  const saved = await storage.load()
  const stored = saved && (JSON.parse(saved.toString('utf8'), BufferJSON.reviver) as AuthenticationCreds)
  // An unfinished pairing leaves an account without its signature behind: WhatsApp answers 401 to it for ever.
  const creds = stored && !isUnfinished(stored) ? stored : initAuthCreds()
  let dirty = false
  let closed = false
  let commits = 0
  const writer = createKeyWriter({
    write,
    onCommitted(type, id, value) {
      remember(type, id, value)
    },
  })

  function serializeCreds(): Buffer {
    return Buffer.from(JSON.stringify(creds, BufferJSON.replacer), 'utf8')
  }
  async function write({ keys, inbox, committed }: KeyChange): Promise<void> {
    if (closed) throw new Error('the session has ended')
    const credentials = dirty ? serializeCreds() : undefined
    dirty = false
    if (!credentials && keys.length === 0 && inbox.length === 0) return
    try {
      await storage.write({ ...(credentials ? { credentials } : {}), keys, inbox, committed })
      commits += 1
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

  async function get<T extends keyof SignalDataTypeMap>(
    type: T,
    ids: string[],
  ): Promise<Record<string, SignalDataTypeMap[T]>> {
    const found: Record<string, SignalDataTypeMap[T]> = {}
    const missing: string[] = []
    for (const id of ids) {
      const known = writer.find(type, id) ?? cache.get(cacheKey(type, id))
      if (known === undefined) missing.push(id)
      else keep(found, id, (known as Boxed<SignalDataTypeMap[T]>).value)
    }
    if (missing.length > 0) {
      const before = commits
      const rows = await read(type, missing)
      for (const id of missing) {
        const bytes = rows.get(id)
        const newer = (writer.find(type, id) ?? (commits === before ? undefined : cache.get(cacheKey(type, id)))) as
          | Boxed<SignalDataTypeMap[T]>
          | undefined
        // That there is none is known as well: Baileys asks for some with every message.
        const value = newer ? newer.value : bytes ? decode(type, bytes) : null
        keep(found, id, value)
        // What was read while something was written may be of before.
        if (!newer && commits === before) remember(type, id, value)
      }
    }
    return found
  }

  function put(data: KeyData): Promise<void> {
    if (closed) return Promise.reject(new Error('the session has ended'))
    commits += 1
    for (const session of Object.values(data.session ?? {})) pruneSession(session)
    const committed = writer.put(data)
    const pairs = mappingsIn(data)
    if (pairs.length > 0) void committed.then(() => onMappings?.(pairs)).catch(() => undefined)
    return committed
  }

  /** Not once the session has ended: it may go on at another host, and come back here with newer keys. */
  function remember(type: string, id: string, value: unknown): void {
    if (!closed) cache.set(cacheKey(type, id), { value })
  }
  function cacheKey(type: string, id: string): string {
    return `${sessionId}/${type}/${id}`
  }

  return {
    creds,
    keys: { get, set: put },
    keysAhead: {
      get,
      async set(data) {
        const committed = put(data)
        if (closed || writer.uncommitted > mostUncommitted) await committed
        else committed.catch(() => undefined)
      },
    },
    restored: creds === stored,
    saveCreds() {
      dirty = true
      return put({})
    },
    forgetUnfinishedPairing() {
      if (!isUnfinished(creds)) return
      for (const name of Object.keys(creds)) Reflect.deleteProperty(creds, name)
      Object.assign(creds, initAuthCreds())
    },
    serializeCreds,
    settled: async () => {
      await writer.pending()?.catch(() => undefined)
    },
    uncommitted: () => writer.pending(),
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
function mappingsIn(data: KeyData): { pn: string; lid: string }[] {
  return Object.entries(data['lid-mapping'] ?? {}).flatMap(([pn, lid]) =>
    typeof lid === 'string' && !pn.endsWith('_reverse') ? [{ pn, lid }] : [],
  )
}

interface Boxed<T> {
  /** null: there is no such key. */
  value: T | null
}

function keep<T>(found: Record<string, T>, id: string, value: T | null): void {
  if (value !== null) found[id] = value
}

function decode<T extends keyof SignalDataTypeMap>(type: T, bytes: Buffer): SignalDataTypeMap[T] {
  const value: unknown = JSON.parse(bytes.toString('utf8'), BufferJSON.reviver)
  // Baileys expects a protobuf object here (use-multi-file-auth-state.js does the same).
  if (type === 'app-state-sync-key')
    return proto.Message.AppStateSyncKeyData.fromObject(value as object) as unknown as SignalDataTypeMap[T]
  return value as SignalDataTypeMap[T]
}
