import type { Database } from './database.ts'

/** Live connections of a user over all hosts; a host that dies stops renewing, and its connections stop counting. */
export interface SocketSlots {
  /** Takes a slot, or answers false when the user has `limit` live connections already. */
  claim(socketId: string, userId: string): Promise<boolean>
  release(socketId: string): Promise<void>
  /** Keeps every connection of this host alive for another while. */
  renew(): Promise<void>
  /** Gives back every slot of this host. */
  releaseAll(): Promise<void>
}

/** @see SocketSlots. `seconds` is how long a connection counts without renewal. */
export function createSocketSlots(
  database: Database,
  { holder, limit, seconds }: { holder: string; limit: number; seconds: number },
): SocketSlots {
  return {
    claim: (socketId, userId) =>
      database.transaction(async (transaction) => {
        // Two sixth connections at once must not both see five.
        await transaction.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [userId])
        await transaction.query(
          'delete from private.socket_connections where user_id = $1 and expires_at <= clock_timestamp()',
          [userId],
        )
        const rows = await transaction.query(
          `insert into private.socket_connections (id, user_id, holder, expires_at)
             select $1, $2, $3, clock_timestamp() + make_interval(secs => $4)
               where (select count(*) from private.socket_connections where user_id = $2) < $5
             returning id`,
          [socketId, userId, holder, seconds, limit],
        )
        return rows.length > 0
      }),
    async release(socketId) {
      await database.query('delete from private.socket_connections where id = $1', [socketId])
    },
    async renew() {
      await database.query(
        `update private.socket_connections set expires_at = clock_timestamp() + make_interval(secs => $2) where holder = $1`,
        [holder, seconds],
      )
    },
    async releaseAll() {
      await database.query('delete from private.socket_connections where holder = $1', [holder])
    },
  }
}
