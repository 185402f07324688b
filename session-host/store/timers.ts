import type { InboundChat } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

/** After how many seconds new messages of a chat disappear, where WhatsApp said so. */
export async function storeTimers(
  transaction: Transaction,
  chats: InboundChat[],
  conversations: Map<string, string>,
): Promise<void> {
  for (const { jid, disappearingSeconds } of chats) {
    const conversationId = conversations.get(jid)
    if (disappearingSeconds === undefined || !conversationId) continue
    await transaction.query(
      `update public.conversations_new set disappearing_seconds = nullif($2, 0)
         where id = $1 and disappearing_seconds is distinct from nullif($2, 0)`,
      [conversationId, Math.min(disappearingSeconds, 31_536_000)],
    )
  }
}
