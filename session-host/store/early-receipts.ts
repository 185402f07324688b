import type { InboundReceipt } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

/** Keeps receipts of own messages that are not stored, for when they are; a trigger of messages_new applies them. */
export async function keepEarlyReceipts(
  transaction: Transaction,
  owner: { sessionId: string },
  receipts: InboundReceipt[],
  conversations: Map<string, string>,
): Promise<void> {
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
