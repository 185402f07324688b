import type { Database } from './database.ts'

/** How many rows went of each kind. */
export interface Trimmed {
  events: number
  commands: number
  idempotency_keys: number
  inbox: number
  sockets: number
}

/** Rounds a call at most; what is left goes with the next call. */
const mostRounds = 100

/**
 * Deletes what is kept for a time only (private.trim says how long), in short transactions. Call it every hour or so; hosts may do it
 * at the same time. A cursor that loses its place is told to resync.
 */
export async function trimOldRows(database: Database): Promise<Trimmed> {
  const total: Trimmed = { events: 0, commands: 0, idempotency_keys: 0, inbox: 0, sockets: 0 }
  for (let round = 0; round < mostRounds; round++) {
    const [row] = await database.query<Trimmed & { more: boolean }>('select * from private.trim()')
    if (!row) break
    for (const kind of Object.keys(total) as (keyof Trimmed)[]) total[kind] += row[kind]
    if (!row.more) break
  }
  return total
}
