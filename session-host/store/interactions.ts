import type { SessionEvent } from '#shared/events.ts'
import type { InboundChange, InboundReceipt } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'
import { sealedAs, type KeptProto, type ProtoOwner } from './message-protos.ts'
import { openVote } from './poll-votes.ts'

type Owner = Pick<ProtoOwner, 'sessionId' | 'protos'>

/**
 * Sets a sender's reaction, vote or choice on a message, in place of their earlier one of that kind; any order of delivery ends alike.
 * A vote that can't be decrypted (of a poll whose secret is not known here) changes nothing.
 */
export async function storeInteraction(
  transaction: Transaction,
  owner: Owner,
  conversationId: string,
  change: InteractionChange,
): Promise<SessionEvent[]> {
  const interaction = await interactionOf(transaction, owner, conversationId, change)
  if (!interaction) return []
  const changed = await transaction.query<{ id: string }>(
    `select m.id from public.messages_new m
       where m.session_id = $1 and m.conversation_id = $2 and m.wa_id = $3 and m.from_me = $4
         and private.set_interaction($1, m.id, $5)`,
    [owner.sessionId, conversationId, change.waId, change.fromMe, JSON.stringify(interaction)],
  )
  return changed.map((row) => ({
    type: 'message.updated',
    data: { conversation_id: conversationId, message_id: row.id },
  }))
}

type InteractionChange = InboundChange & { kind: 'reaction' | 'vote' | 'choice' }

async function interactionOf(
  transaction: Transaction,
  owner: Owner,
  conversationId: string,
  change: InteractionChange,
): Promise<object | null> {
  const { from, atMs: at } = change
  switch (change.kind) {
    case 'reaction':
      return { type: 'reaction', from, at, emoji: change.emoji }
    case 'choice':
      return { type: 'button_reply', from, at, id: change.id.slice(0, 256), text: change.text.slice(0, 1024) }
    case 'vote': {
      const [poll] = await transaction.query<KeptProto & { options: string[] }>(
        `select p.proto, ${sealedAs} as "sealedAs", array(select jsonb_array_elements_text(m.content -> 'poll' -> 'options')) as options
           from public.messages_new m join private.message_protos p on p.message_id = m.id
           where m.session_id = $1 and m.conversation_id = $2 and m.wa_id = $3 and m.from_me = $4`,
        [owner.sessionId, conversationId, change.waId, change.fromMe],
      )
      const proto = poll && owner.protos.open(poll)
      const options = proto ? openVote({ proto, options: poll.options }, change) : null
      return options && { type: 'poll_vote', from, at, options }
    }
    default:
      return change satisfies never
  }
}

/** Raises how far our group messages have come with each member. The rows are read with the message; they make no event of their own. */
export async function storeMemberReceipts(
  transaction: Transaction,
  owner: { sessionId: string },
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
