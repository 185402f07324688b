import type { SessionEvent } from '#shared/events.ts'
import type { InboundBlocks } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

interface Owner {
  sessionId: string
  userId: string
}

/** Whom the account has blocked: the whole list, or single changes. `contacts` knows every JID named. Events of those that changed. */
export async function storeBlocks(
  transaction: Transaction,
  owner: Owner,
  blocks: InboundBlocks,
  contacts: Map<string, string>,
): Promise<SessionEvent[]> {
  const wanted = new Map<string, boolean>()
  for (const { jid, blocked } of blocks.changed) {
    const id = contacts.get(jid)
    if (id) wanted.set(id, blocked)
  }
  const listed = (blocks.complete ?? []).flatMap((jid) => contacts.get(jid) ?? [])
  for (const id of listed) wanted.set(id, true)
  const rows = [...wanted]
  const changed = await transaction.query<{ id: string; conversation_id: string | null }>(
    `update public.contacts c set blocked = w.blocked
       from (
         select b.id, b.blocked from unnest($2::uuid[], $3::boolean[]) as b(id, blocked)
         union all
         select k.id, false from public.contacts k
           where $4 and k.session_id = $1 and k.blocked and k.id <> all($2)) w
       where c.id = w.id and c.session_id = $1 and c.blocked <> w.blocked
       returning c.id, (select n.id from public.conversations_new n where n.contact_id = c.id) as conversation_id`,
    [owner.sessionId, rows.map(([id]) => id), rows.map(([, blocked]) => blocked), blocks.complete !== undefined],
  )
  return changed.map((row) => ({
    type: 'contact.updated',
    data: { contact_id: row.id, ...(row.conversation_id ? { conversation_id: row.conversation_id } : {}) },
  }))
}
