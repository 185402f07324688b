import type { SessionEvent } from '#shared/events.ts'
import type { InboundChange, InboundReceipt } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

interface Owner {
  sessionId: string
}

/** Sets a sender's reaction on a message, in place of their earlier one; any order of delivery ends alike. */
export async function storeReaction(
  transaction: Transaction,
  owner: Owner,
  conversationId: string,
  change: InboundChange & { kind: 'reaction' },
): Promise<SessionEvent[]> {
  const changed = await transaction.query<{ id: string }>(
    `select m.id from public.messages_new m
       where m.session_id = $1 and m.conversation_id = $2 and m.wa_id = $3 and m.from_me = $4
         and private.set_interaction($1, m.id, $5)`,
    [
      owner.sessionId,
      conversationId,
      change.waId,
      change.fromMe,
      JSON.stringify({ type: 'reaction', from: change.from, at: change.atMs, emoji: change.emoji }),
    ],
  )
  return changed.map((row) => ({
    type: 'message.updated',
    data: { conversation_id: conversationId, message_id: row.id },
  }))
}

/** Raises how far our group messages have come with each member. The rows are read with the message; they make no event of their own. */
export async function storeMemberReceipts(
  transaction: Transaction,
  owner: Owner,
  receipts: InboundReceipt[],
  conversations: Map<string, string>,
): Promise<void> {
  const known = receipts.flatMap((receipt) => {
    const conversationId = conversations.get(receipt.chat)
    return conversationId && receipt.member ? [{ ...receipt, conversationId, member: receipt.member }] : []
  })
  if (known.length === 0) return
  await transaction.query(
    `select private.raise_receipts($1, array_agg(m.id), array_agg(r.member), array_agg(r.status), array_agg(to_timestamp(r.at)))
       from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::float8[])
         as r(conversation_id, wa_id, member, status, at)
       join public.messages_new m
         on m.conversation_id = r.conversation_id and m.wa_id = r.wa_id and m.from_me and m.session_id = $1`,
    [
      owner.sessionId,
      known.map((receipt) => receipt.conversationId),
      known.map((receipt) => receipt.waId),
      known.map((receipt) => receipt.member.jid),
      known.map((receipt) => receipt.status),
      known.map((receipt) => receipt.member.at),
    ],
  )
}
