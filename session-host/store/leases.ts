import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'

export interface LeaseStore {
  /** Sessions that should run and that no other live host holds. */
  findRunnable(): Promise<{ id: string; user_id: string }[]>
  /** Takes a session, or null when another host was faster or the session is gone. */
  acquire(session: { id: string; user_id: string }): Promise<Lease | null>
  /** Renews all at once; returns the ids that are still ours. */
  renew(leases: Lease[]): Promise<Set<string>>
  /** Lets go of a lease at once, so that another host need not wait for it to run out. */
  release(lease: Lease): Promise<void>
}

/** The lease table as one host uses it. `seconds` is how long a lease lives without renewal. */
export function createLeaseStore(
  database: Database,
  { holder, seconds }: { holder: string; seconds: number },
): LeaseStore {
  return {
    findRunnable: () =>
      database.query(
        `select s.id, s.user_id from public.whatsapp_sessions s
           left join private.session_leases l on l.session_id = s.id
           where s.desired = 'running'
             and (l.session_id is null or l.holder = $1 or l.expires_at <= clock_timestamp())
           order by s.id`,
        [holder],
      ),
    async acquire(session) {
      const [row] = await database.query<{ epoch: number | null }>(
        `select private.acquire_lease(id, $2, $3) as epoch from public.whatsapp_sessions where id = $1`,
        [session.id, holder, seconds],
      )
      if (!row?.epoch) return null
      return { sessionId: session.id, userId: session.user_id, holder, epoch: row.epoch }
    },
    async renew(leases) {
      const rows = await database.query<{ session_id: string }>(
        `update private.session_leases l set expires_at = clock_timestamp() + make_interval(secs => $3)
           from unnest($1::uuid[], $2::bigint[]) as mine(session_id, epoch)
           where l.session_id = mine.session_id and l.epoch = mine.epoch and l.holder = $4
             and l.expires_at > clock_timestamp()
           returning l.session_id`,
        [leases.map((lease) => lease.sessionId), leases.map((lease) => lease.epoch), seconds, holder],
      )
      return new Set(rows.map((row) => row.session_id))
    },
    async release(lease) {
      await database.query(
        `update private.session_leases set expires_at = clock_timestamp()
           where session_id = $1 and holder = $2 and epoch = $3`,
        [lease.sessionId, holder, lease.epoch],
      )
    },
  }
}
