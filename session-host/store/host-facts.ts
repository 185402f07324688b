import type { Database } from './database.ts'

/** Counts for operators, over every session of the database. */
export interface HostFacts {
  sessions: { status: string; count: number }[]
  outboxPending: number
  outboxOldestSeconds: number
  quarantined: number
}

/** @see HostFacts. One round trip. */
export async function readHostFacts(database: Database): Promise<HostFacts> {
  const [row] = await database.query<HostFacts>(
    `select
         (select coalesce(json_agg(s), '[]') from (
           select status, count(*)::int as count from public.whatsapp_sessions group by status) s) as sessions,
         o.pending as "outboxPending", o.oldest as "outboxOldestSeconds",
         (select count(*)::int from private.quarantined_messages) as quarantined
       from (
         select count(*)::int as pending,
             coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as oldest
           from private.session_commands where status in ('queued', 'claimed') and message_id is not null) o`,
  )
  if (!row) throw new Error('no facts')
  return row
}
