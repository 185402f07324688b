import type { SessionEvent } from '#shared/events.ts'
import type { InboundCall } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'
import type { ProtoOwner } from './message-protos.ts'
import { storeMessages } from './messages.ts'

/** Calls that ring or end. What was neither answered nor refused leaves a notice in the conversation. */
export async function storeCalls(
  transaction: Transaction,
  owner: ProtoOwner,
  calls: InboundCall[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = []
  for (const call of calls) {
    const conversationId = conversations.get(call.chat)
    if (!conversationId) continue
    const changed = await storeCall(transaction, owner, call, conversationId)
    if (!changed) continue
    const ids = { conversation_id: conversationId, call_id: call.callId }
    if (call.state === 'ringing') {
      events.push({ type: 'call.incoming', data: { ...ids, from: call.chat, video: changed.video } })
      continue
    }
    if (call.state === 'missed') {
      const notice = {
        chat: call.chat,
        // WhatsApp gives the notice no id; the same call makes the same one.
        waId: `call-${call.callId}`.slice(0, 128),
        fromMe: false,
        at: call.at,
        type: 'notice' as const,
        text: null,
        content: { notice: { kind: 'missed_call', by: call.chat, video: changed.video } },
        status: 'read' as const,
        live: true,
      }
      events.push(...(await storeMessages(transaction, owner, [notice], conversations)).events)
    }
    events.push({ type: 'call.ended', data: { ...ids, outcome: call.state } })
  }
  return events
}

/** Null when the call was there already, in this state or past it. */
async function storeCall(
  transaction: Transaction,
  owner: ProtoOwner,
  call: InboundCall,
  conversationId: string,
): Promise<{ video: boolean } | null> {
  const [row] = await transaction.query<{ video: boolean }>(
    `insert into private.calls as c (session_id, call_id, user_id, conversation_id, creator_jid, video, state, at)
       values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8))
       on conflict (session_id, call_id) do update set state = excluded.state
         where c.state = 'ringing' and excluded.state <> 'ringing'
       returning video`,
    [
      owner.sessionId,
      call.callId,
      owner.userId,
      conversationId,
      call.creator.slice(0, 128),
      call.video,
      call.state,
      call.at,
    ],
  )
  return row ?? null
}
