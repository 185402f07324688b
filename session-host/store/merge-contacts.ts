import type { SessionEvent } from '#shared/events.ts'
import type { Transaction } from './database.ts'
import { moveMessages } from './move-messages.ts'

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
         verified_name = coalesce(k.verified_name, g.verified_name), phone = coalesce(k.phone, g.phone),
         blocked = k.blocked or g.blocked
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
    await keepSettings(transaction, newer.id, older.id)
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
  await transaction.query('update private.contact_merges set contact_id = $1 where contact_id = $2', [kept, gone])
  await transaction.query('delete from public.contacts where id = $1', [gone])
  await transaction.query('insert into private.contact_merges (old_id, contact_id, user_id) values ($1, $2, $3)', [
    gone,
    kept,
    owner.userId,
  ])
  return kept
}

/** What the owner and the phone have set on either conversation, the one that stays first; an assistant that must not speak stays silent. */
async function keepSettings(transaction: Transaction, from: string, to: string): Promise<void> {
  await transaction.query(
    `update public.conversations_new k set
         ai_active = (k.ai_active or g.ai_active) and not coalesce(k.no_ac_ai or g.no_ac_ai, false),
         no_ac_ai = k.no_ac_ai or g.no_ac_ai, personality_id = coalesce(k.personality_id, g.personality_id),
         archived = k.archived and g.archived, pinned_at = coalesce(k.pinned_at, g.pinned_at),
         muted_until = coalesce(k.muted_until, g.muted_until), marked_unread = k.marked_unread or g.marked_unread,
         hidden_at = case when k.hidden_at is null or g.hidden_at is null then null else greatest(k.hidden_at, g.hidden_at) end,
         state_at = greatest(k.state_at, g.state_at),
         contact_photo_url = coalesce(k.contact_photo_url, g.contact_photo_url)
       from public.conversations_new g where k.id = $2 and g.id = $1`,
    [from, to],
  )
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
