import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'
import { createKeyCommit, type KeyCommit } from './key-commit.ts'
import type { SealedBox } from './sealed-box.ts'

/** One key to write; a null value deletes it. */
export interface KeyEntry {
  type: string
  id: string
  value: Buffer | null
}

/** A decrypted message on its way to the projection. */
export interface InboxEntry {
  /** SHA-256 of the WhatsApp ciphertext, hex. */
  id: string
  /** SHA-256 of the stanza's sender, participant and id, hex. */
  stanzaKey: string
  value: Buffer
}

/** What a session keeps for WhatsApp, bound to its lease: every write of a stale owner is refused. Values are encrypted on the way in. */
export interface CredentialStore {
  load(): Promise<Buffer | null>
  getKeys(type: string, ids: string[]): Promise<Map<string, Buffer>>
  /** Writes everything in one transaction and resolves after the commit. */
  write(change: {
    credentials?: Buffer
    keys: KeyEntry[]
    inbox: InboxEntry[]
    committed?: Promise<void>
  }): Promise<void>
  /** Forgets what is older than a week: hashes that WhatsApp no longer redelivers, and messages that were refused for as long. */
  forgetOldInbox(): Promise<void>
  /** What was decrypted from this ciphertext before: null for nothing, `projected` when it is stored and its plaintext gone. */
  findInbox(id: string): Promise<Buffer | 'projected' | null>
  /** What was decrypted but not projected, oldest first. */
  listInbox(): Promise<{ id: string; stanzaKey: string; value: Buffer }[]>
}

/** @see CredentialStore. The associated data of each value is `session/type/id`. Sessions that are given the same `commit` share commits. */
export function createCredentialStore(
  database: Database,
  box: SealedBox,
  lease: Lease,
  commit: KeyCommit = createKeyCommit(database, { holder: lease.holder }),
): CredentialStore {
  const { sessionId } = lease
  return {
    async load() {
      const [row] = await database.query<{ ciphertext: Buffer }>(
        'select ciphertext from private.whatsapp_credentials where session_id = $1',
        [sessionId],
      )
      return row ? box.open(credentialsContext(sessionId), row.ciphertext) : null
    },
    async getKeys(type, ids) {
      const rows = await database.query<{ id: string; ciphertext: Buffer }>(
        'select id, ciphertext from private.whatsapp_keys where session_id = $1 and type = $2 and id = any($3)',
        [sessionId, type, ids],
      )
      return new Map(rows.map((row) => [row.id, box.open(`${sessionId}/${type}/${row.id}`, row.ciphertext)]))
    },
    write: ({ credentials, keys, inbox, committed }) =>
      commit.write(lease, {
        credentials: credentials ? box.seal(credentialsContext(sessionId), credentials) : null,
        keys: keys.map(({ type, id, value }) => ({
          type,
          id,
          value: value && box.seal(`${sessionId}/${type}/${id}`, value),
        })),
        inbox: inbox.map((entry) => ({ ...entry, value: box.seal(`${sessionId}/inbox/${entry.id}`, entry.value) })),
        ...(committed ? { committed } : {}),
      }),
    async findInbox(id) {
      const [row] = await database.query<{ ciphertext: Buffer | null }>(
        'select ciphertext from private.inbox where session_id = $1 and id = $2',
        [sessionId, id],
      )
      if (!row) return null
      return row.ciphertext ? box.open(`${sessionId}/inbox/${id}`, row.ciphertext) : 'projected'
    },
    async forgetOldInbox() {
      await database.query(
        `delete from private.inbox where session_id = $1 and received_at < now() - interval '7 days'`,
        [sessionId],
      )
    },
    async listInbox() {
      const rows = await database.query<{ id: string; stanza_key: string; ciphertext: Buffer }>(
        `select id, stanza_key, ciphertext from private.inbox
           where session_id = $1 and projected_at is null order by received_at, position`,
        [sessionId],
      )
      return rows.map((row) => ({
        id: row.id,
        stanzaKey: row.stanza_key,
        value: box.open(`${sessionId}/inbox/${row.id}`, row.ciphertext),
      }))
    },
  }
}

/** Associated data of an account's credentials. */
export function credentialsContext(sessionId: string): string {
  return `${sessionId}/credentials`
}
