import type { SessionEvent } from '#shared/events.ts'
import type { Transaction } from './database.ts'

interface ConversationRow {
  id: string
  contact_id: string
  unread_count: number
  created_at: Date
}

/**
 * Makes one person of two: identities, names and messages move to the contact whose conversation is older; the other conversation's
 * id keeps answering (private.conversation_merges). A message that both had stays once. Returns the contact that is kept.
 */
export async function mergeContacts(
  transaction: Transaction,
  owner: { sessionId: string; userId: string },
  a: string,
  b: string,
  events: SessionEvent[],
): Promise<string> {
  const conversations = await transaction.query<ConversationRow>(
    `select id, contact_id, unread_count, created_at from public.conversations_new
       where contact_id = any($1) order by created_at, external_id like '%@lid', id for update`,
    [[a, b]],
  )
  const [older, newer] = conversations
  const kept = older?.contact_id ?? a
  const gone = kept === a ? b : a

  await transaction.query('update public.contact_identities set contact_id = $1 where contact_id = $2', [kept, gone])
  await transaction.query(
    `update public.contacts k set
         name = coalesce(k.name, g.name), push_name = coalesce(k.push_name, g.push_name),
         verified_name = coalesce(k.verified_name, g.verified_name), phone = coalesce(k.phone, g.phone)
       from public.contacts g where k.id = $1 and g.id = $2`,
    [kept, gone],
  )
  if (older && newer) {
    const countedTwice = await moveMessages(transaction, newer.id, older.id)
    await transaction.query('update private.conversation_merges set conversation_id = $1 where conversation_id = $2', [
      older.id,
      newer.id,
    ])
    await transaction.query(
      `update private.session_commands set conversation_id = $1::uuid, lane = ($1::uuid)::text
         where conversation_id = $2::uuid and lane = ($2::uuid)::text`,
      [older.id, newer.id],
    )
    await transaction.query('update private.session_commands set conversation_id = $1 where conversation_id = $2', [
      older.id,
      newer.id,
    ])
    await transaction.query('delete from public.conversations_new where id = $1', [newer.id])
    await transaction.query(
      'insert into private.conversation_merges (old_id, conversation_id, user_id) values ($1, $2, $3)',
      [newer.id, older.id, owner.userId],
    )
    await transaction.query(
      'update public.conversations_new set unread_count = greatest(0, unread_count + $2) where id = $1',
      [older.id, newer.unread_count - countedTwice],
    )
    await refreshLastMessage(transaction, older.id)
    events.push({ type: 'conversation.merged', data: { conversation_id: older.id, merged_id: newer.id } })
  }
  await transaction.query('delete from public.contacts where id = $1', [gone])
  return kept
}

/**
 * Re-points messages. Where the target already has the same WhatsApp message, the target's stays, with the higher status of the two and
 * the content if it was a placeholder. Returns how many of those the two unread counts hold once too often.
 */
async function moveMessages(transaction: Transaction, from: string, to: string): Promise<number> {
  const twins = await transaction.query<{ gone: string; unread: boolean }>(
    `select m.id as gone, 'received' in (m.status, t.status) as unread
       from public.messages_new m join public.messages_new t on t.from_me = m.from_me and t.wa_id = m.wa_id
       where m.conversation_id = $1 and t.conversation_id = $2`,
    [from, to],
  )
  if (twins.length > 0) {
    const gone = twins.map((twin) => twin.gone)
    await transaction.query(
      `update public.messages_new t set
           status = case when private.status_rank(m.status) > private.status_rank(t.status) then m.status else t.status end,
           message_type = case when m.is_placeholder then m.message_type else t.message_type end,
           text_content = case when m.is_placeholder then m.text_content else t.text_content end,
           unsupported_type = case when m.is_placeholder then m.unsupported_type else t.unsupported_type end,
           reply_to_wa_id = case when m.is_placeholder then m.reply_to_wa_id else t.reply_to_wa_id end,
           content = case when m.is_placeholder then m.content else t.content end,
           expires_at = case when m.is_placeholder then m.expires_at else t.expires_at end
         from (
           select m.*, t.id as kept,
               t.unsupported_type is not distinct from 'ciphertext' and t.edited_at is null and t.revoked_at is null as is_placeholder
             from public.messages_new m join public.messages_new t on t.from_me = m.from_me and t.wa_id = m.wa_id
             where m.id = any($1) and t.conversation_id = $2) m
         where t.id = m.kept`,
      [gone, to],
    )
    await transaction.query('delete from public.messages_new where id = any($1)', [gone])
  }
  await transaction.query('update public.messages_new set conversation_id = $2 where conversation_id = $1', [from, to])
  return twins.filter((twin) => twin.unread).length
}

/** Puts the newest message on the conversation's row. */
async function refreshLastMessage(transaction: Transaction, conversationId: string): Promise<void> {
  await transaction.query(
    `update public.conversations_new c set
         last_message_at = m.created_at, last_message_id = m.id, last_message_ordinal = m.ordinal,
         last_message_text = left(m.text_content, 200), last_message_type = m.message_type, last_message_from_me = m.from_me,
         started_at = least(c.started_at, (
           select min(f.created_at) from public.messages_new f where f.conversation_id = c.id))
       from (select * from public.messages_new where conversation_id = $1
                 and user_id = (select o.user_id from public.conversations_new o where o.id = $1)
               order by created_at desc, ordinal desc limit 1) m
       where c.id = $1`,
    [conversationId],
  )
}
