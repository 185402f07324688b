import type { SessionEvent } from '#shared/events.ts'
import type { InboundReceipt } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

/**
 * What the account has read on another device: every message up to the newest that it has read is read here, and the conversation
 * counts what is left. It also takes a mark as unread away. A reading never makes more unread: messages of the history don't count by
 * themselves, and the same receipt may come again after they came.
 */
export async function storeOwnReads(
  transaction: Transaction,
  owner: { sessionId: string },
  receipts: InboundReceipt[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const reads = receipts.flatMap(({ chat, waId, fromMe, status }) => {
    const conversationId = conversations.get(chat)
    return !fromMe && conversationId && (status === 'read' || status === 'played') ? [{ conversationId, waId }] : []
  })
  if (reads.length === 0) return []
  // The conversation's row before its messages, as everybody who takes both.
  await transaction.query('select 1 from public.conversations_new where id = any($1) order by id for no key update', [
    reads.map((read) => read.conversationId),
  ])
  const rows = await transaction.query<{ id: string; unread_count: number }>(
    `with reached as (
       select distinct on (m.conversation_id) m.conversation_id, m.created_at, m.ordinal
         from unnest($2::uuid[], $3::text[]) as r(conversation_id, wa_id)
         join public.messages_new m
           on m.conversation_id = r.conversation_id and m.wa_id = r.wa_id and not m.from_me and m.session_id = $1
         order by m.conversation_id, m.created_at desc, m.ordinal desc),
     read as (
       update public.messages_new m set status = 'read'
         from reached r
         where m.conversation_id = r.conversation_id and m.status = 'received' and not m.from_me
           and (m.created_at, m.ordinal) <= (r.created_at, r.ordinal)
         returning m.id),
     counted as (
       select r.conversation_id, count(m.id)::integer as unread
         from reached r
         left join public.messages_new m on m.conversation_id = r.conversation_id and m.status = 'received'
           and (m.created_at, m.ordinal) > (r.created_at, r.ordinal)
         group by r.conversation_id)
     update public.conversations_new c set unread_count = least(c.unread_count, n.unread), marked_unread = false
       from counted n
       where c.id = n.conversation_id and (c.unread_count > n.unread or c.marked_unread)
       returning c.id, c.unread_count`,
    [owner.sessionId, reads.map((read) => read.conversationId), reads.map((read) => read.waId)],
  )
  return rows.map((row) => ({
    type: 'conversation.updated',
    data: { conversation_id: row.id, unread_count: row.unread_count },
  }))
}
