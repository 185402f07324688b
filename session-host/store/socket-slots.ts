import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from './database.ts'

/** Live connections of a user over all hosts; a host that dies stops renewing, and its connections stop counting. */
export interface SocketSlots {
  /**
   * Takes a slot, or answers false when the user has `limit` live connections already. Connections of another host count once that host
   * has renewed them or until they run out, whichever shows first: it may have died, and its clients be the ones that come back.
   */
  claim(socketId: string, userId: string): Promise<boolean>
  release(socketId: string): Promise<void>
  /** Keeps every connection of this host alive for another while. */
  renew(): Promise<void>
  /** Gives back every slot of this host. */
  releaseAll(): Promise<void>
}

/** A connection of another host, and until when it counts (epoch, in seconds). */
interface ForeignSlot {
  id: string
  until: number
}

/** How often a doubtful connection is looked at, in ms. */
const lookMs = 300

/** @see SocketSlots. `seconds` is how long a connection counts without renewal. */
export function createSocketSlots(
  database: Database,
  { holder, limit, seconds }: { holder: string; limit: number; seconds: number },
): SocketSlots {
  const tryToClaim = (socketId: string, userId: string): Promise<{ claimed: boolean; foreign: ForeignSlot[] }> =>
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
      if (rows.length > 0) return { claimed: true, foreign: [] }
      const foreign = await transaction.query<ForeignSlot>(
        `select id, extract(epoch from expires_at)::float8 as until from private.socket_connections
           where user_id = $1 and holder <> $2`,
        [userId, holder],
      )
      return { claimed: false, foreign }
    })

  return {
    async claim(socketId, userId) {
      let { claimed, foreign: doubtful } = await tryToClaim(socketId, userId)
      while (!claimed && doubtful.length > 0) {
        await pause(lookMs)
        const next = await tryToClaim(socketId, userId)
        claimed = next.claimed
        const now = new Map(next.foreign.map((slot) => [slot.id, slot.until]))
        doubtful = doubtful.filter((slot) => now.get(slot.id) === slot.until)
      }
      return claimed
    },
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
