import type { InboundReceipt } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

/**
 * Keeps receipts of own messages that are not stored, for when they are; a trigger of messages_new applies them. Beside them, what the
 * account has read elsewhere, for takeEarlyReads.
 */
export async function keepEarlyReceipts(
  transaction: Transaction,
  owner: { sessionId: string },
  receipts: InboundReceipt[],
  conversations: Map<string, string>,
): Promise<void> {
  await keepEarlyReads(transaction, owner, receipts, conversations)
  const own = receipts.filter((receipt) => receipt.fromMe)
  if (own.length === 0) return
  const stored = await transaction.query<{ conversation_id: string; wa_id: string }>(
    `select m.conversation_id, m.wa_id from public.messages_new m
       where m.session_id = $1 and m.wa_id = any($2) and m.from_me`,
    [owner.sessionId, own.map((receipt) => receipt.waId)],
  )
  const known = new Set(stored.map((row) => `${row.conversation_id}/${row.wa_id}`))
  const early = own.filter((receipt) => !known.has(`${conversations.get(receipt.chat) ?? ''}/${receipt.waId}`))
  if (early.length === 0) return
  await transaction.query('select private.keep_early_receipts($1, $2)', [
    owner.sessionId,
    JSON.stringify(
      early.map(({ chat, waId, status, member }) => ({
        chat,
        wa_id: waId,
        status,
        participant: member?.jid ?? null,
        at: member?.at ?? Date.now() / 1000,
      })),
    ),
  ])
}

async function keepEarlyReads(
  transaction: Transaction,
  owner: { sessionId: string },
  receipts: InboundReceipt[],
  conversations: Map<string, string>,
): Promise<void> {
  const reads = receipts.filter(({ fromMe, status }) => !fromMe && (status === 'read' || status === 'played'))
  if (reads.length === 0) return
  const kept = await transaction.query(
    `insert into private.early_receipts (session_id, chat_jid, wa_id, status, own_read)
       select $1, r.chat, r.wa_id, 'read', true
         from (select distinct * from unnest($2::text[], $3::uuid[], $4::text[]) as r(chat, conversation_id, wa_id)) r
         where char_length(r.wa_id) between 1 and 128 and not exists (
           select from public.messages_new m
             where m.session_id = $1 and m.wa_id = r.wa_id and not m.from_me and m.conversation_id = r.conversation_id)
       on conflict do nothing returning 1`,
    [
      owner.sessionId,
      reads.map(({ chat }) => chat),
      reads.map(({ chat }) => conversations.get(chat) ?? null),
      reads.map(({ waId }) => waId),
    ],
  )
  // None of its own: it takes care that they are not too many.
  if (kept.length > 0) await transaction.query(`select private.keep_early_receipts($1, '[]')`, [owner.sessionId])
}

/** What was read elsewhere of messages that are here now, in these conversations; it is kept no longer. */
export async function takeEarlyReads(
  transaction: Transaction,
  owner: { sessionId: string },
  conversationIds: string[],
): Promise<{ receipts: InboundReceipt[]; conversations: Map<string, string> }> {
  const rows = await transaction.query<{ chat_jid: string; wa_id: string; conversation_id: string }>(
    `delete from private.early_receipts e
       using public.messages_new m, public.conversations_new c
       where e.session_id = $1 and e.own_read
         and m.session_id = e.session_id and m.wa_id = e.wa_id and not m.from_me and m.conversation_id = any($2)
         and c.id = m.conversation_id
         and (c.external_id = e.chat_jid or exists (
           select from public.contact_identities i
             where i.session_id = $1 and i.contact_id = c.contact_id and i.jid = e.chat_jid))
       returning e.chat_jid, e.wa_id, m.conversation_id`,
    [owner.sessionId, conversationIds],
  )
  return {
    receipts: rows.map((row) => ({ chat: row.chat_jid, waId: row.wa_id, fromMe: false, status: 'read' })),
    conversations: new Map(rows.map((row) => [row.chat_jid, row.conversation_id])),
  }
}
