import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from './database.ts'

/** A user (the payload) has no connection left: every host finds out which of theirs it serves are alive. */
export const probeChannel = 'socket_probe'

/** Live connections of a user over all hosts; a host that dies stops renewing, and its connections stop counting. */
export interface SocketSlots {
  /**
   * Takes a slot, or answers false when the user has `limit` live connections already. Before it refuses it has every host probe those
   * connections: a client that lost its network comes back before the connection that it lost is missed. What is probed alive counts;
   * what is dead is ended by its host; what belongs to a host that died runs out.
   */
  claim(socketId: string, userId: string): Promise<boolean>
  /** A probe has found the connection alive. */
  confirm(socketId: string): Promise<void>
  release(socketId: string): Promise<void>
  /** Keeps every connection of this host alive for another while. */
  renew(): Promise<void>
  /** Gives back every slot of this host. */
  releaseAll(): Promise<void>
}

/** A connection that counts, and what its host said of it since the claim. */
interface OtherSlot {
  id: string
  /** A probe that began after the claim found it alive. */
  alive: boolean
  /** Until when it counts, epoch in seconds: grows when its host renews it. */
  until: number
}

/** How often the connections of a user who has too many are looked at, in ms. */
const lookMs = 200
/** A host that lives answers within that, in ms; of one that renews without an answer (its notification was lost) connections count. */
const probeMs = 5_000

/** @see SocketSlots. `seconds` is how long a connection counts without renewal. */
export function createSocketSlots(
  database: Database,
  { holder, limit, seconds }: { holder: string; limit: number; seconds: number },
): SocketSlots {
  const tryToClaim = (socketId: string, userId: string, since: string | null) =>
    database.transaction(async (transaction) => {
      // Two sixth connections at once must not both see five.
      await transaction.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [userId])
      await transaction.query(
        'delete from private.socket_connections where user_id = $1 and expires_at <= clock_timestamp()',
        [userId],
      )
      const claimed = await transaction.query(
        `insert into private.socket_connections (id, user_id, holder, expires_at)
           select $1, $2, $3, clock_timestamp() + make_interval(secs => $4)
             where (select count(*) from private.socket_connections where user_id = $2) < $5
           returning id`,
        [socketId, userId, holder, seconds, limit],
      )
      if (claimed.length > 0) return { claimed: true, now: '', others: [] }
      const others = await transaction.query<OtherSlot & { now: string }>(
        `select id, coalesce(probed_at >= $2::timestamptz, false) as alive,
             extract(epoch from expires_at)::float8 as until, clock_timestamp()::text as now
           from private.socket_connections where user_id = $1`,
        [userId, since],
      )
      return { claimed: false, now: others[0]?.now ?? '', others }
    })

  return {
    async claim(socketId, userId) {
      const first = await tryToClaim(socketId, userId, null)
      if (first.claimed) return true
      await database.query('select pg_notify($1, $2)', [probeChannel, userId])
      const startedAt = performance.now()
      const before = new Map(first.others.map(({ id, until }) => [id, until]))
      for (;;) {
        await pause(lookMs)
        const { claimed, others } = await tryToClaim(socketId, userId, first.now)
        if (claimed) return true
        const isLate = performance.now() - startedAt > probeMs
        // Those that came after the first look are alive, too.
        if (others.every(({ id, alive, until }) => alive || !before.has(id) || (isLate && until !== before.get(id))))
          return false
      }
    },
    async confirm(socketId) {
      await database.query('update private.socket_connections set probed_at = clock_timestamp() where id = $1', [
        socketId,
      ])
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
