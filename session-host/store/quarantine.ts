import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'

/** Messages of one session that could not be read or stored, kept aside as they were decrypted; bound to its lease. */
export interface QuarantineStore {
  /** Moves messages out of the inbox, by row id or stanza key. Answers how many were there. */
  keep(keys: string[], stage: 'read' | 'store', error: string): Promise<number>
  /**
   * Puts those that were tried less than `attempts` times by this version of the host back into the inbox, for another try, and lets
   * chunks of history of which parts were refused be imported again, once a version. Answers the row ids.
   */
  retry(attempts: number): Promise<string[]>
  /** Forgets those that are stored after all, or that the inbox looks after again. */
  release(ids: string[]): Promise<void>
}

/** @see QuarantineStore. `version` is the host's: another one tries anew. */
export function createQuarantineStore(database: Database, lease: Lease, version: string): QuarantineStore {
  const owner = [lease.sessionId, lease.holder, lease.epoch]
  return {
    async keep(keys, stage, error) {
      const [row] = await database.query<{ kept: number }>(
        'select private.quarantine_messages($1, $2, $3, $4, $5, $6) as kept',
        [...owner, keys, stage, error],
      )
      return row?.kept ?? 0
    },
    async retry(attempts) {
      const rows = await database.query<{ id: string }>('select private.retry_quarantined($1, $2, $3, $4, $5) as id', [
        ...owner,
        attempts,
        version,
      ])
      return rows.map(({ id }) => id)
    },
    async release(ids) {
      await database.query('select private.release_quarantined($1, $2, $3, $4)', [...owner, ids])
    },
  }
}
