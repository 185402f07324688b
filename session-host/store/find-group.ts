import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'

/** Who is in a group, by its JID; null when not all members are known, or the account is not in it. */
export function findGroup(
  database: Database,
  lease: Lease,
): (jid: string) => Promise<{ participants: string[]; disappearingSeconds: number | null } | null> {
  return async (jid) => {
    const [row] = await database.query<{ participants: string[] | null; seconds: number | null }>(
      `select g.disappearing_seconds as seconds,
           (select array_agg(p.jid order by p.jid) from public.group_participants p where p.conversation_id = c.id) as participants
         from public.conversations_new c
         join public.groups g on g.conversation_id = c.id
         where c.session_id = $1 and c.external_id = $2 and c.kind = 'group' and g.listed_at is not null and g.left_at is null`,
      [lease.sessionId, jid],
    )
    return row?.participants ? { participants: row.participants, disappearingSeconds: row.seconds } : null
  }
}
