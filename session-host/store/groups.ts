import type { SessionEvent } from '#shared/events.ts'
import type { InboundChat } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

/** Stores what WhatsApp said of groups: their facts, and who is in them. */
export async function storeGroups(
  transaction: Transaction,
  owner: { sessionId: string; userId: string },
  chats: InboundChat[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = []
  for (const { jid, group } of chats) {
    const conversationId = conversations.get(jid)
    if (!group || !conversationId) continue
    const [row] = await transaction.query<{ changed: boolean }>(
      'select private.store_group($1, $2, $3, $4) as changed',
      [
        owner.sessionId,
        conversationId,
        JSON.stringify(group.facts ?? {}),
        group.participants ? JSON.stringify(group.participants) : null,
      ],
    )
    let changed = row?.changed ?? false
    // Only then a send may rely on it.
    if (group.participants)
      await transaction.query('update public.groups set listed_at = now() where conversation_id = $1', [conversationId])
    for (const { jid: member, role } of group.changed ?? []) {
      const rows = await transaction.query(
        role === null
          ? 'delete from public.group_participants where conversation_id = $1 and jid = $2 returning 1'
          : `insert into public.group_participants as g (conversation_id, user_id, jid, role) values ($1, $3, $2, $4)
               on conflict (conversation_id, jid) do update set role = excluded.role where g.role <> excluded.role
               returning 1`,
        role === null ? [conversationId, member] : [conversationId, member, owner.userId, role],
      )
      changed ||= rows.length > 0
    }
    if (changed) events.push({ type: 'conversation.updated', data: { conversation_id: conversationId } })
  }
  return events
}
