import type { Transaction } from './database.ts'

/**
 * Re-points a conversation's messages to another one. A message that both have stays once, as one of its two rows whole: rather what was
 * decrypted than a placeholder, what was deleted or edited for everyone than what was not, what a command is about; else the target's.
 * It keeps the higher status and the reactions of both, and commands about the other are about it. Returns how many of those the two unread
 * counts hold once too often.
 */
export async function moveMessages(transaction: Transaction, from: string, to: string): Promise<number> {
  const twins = await transaction.query<{ kept: string; gone: string; unread: boolean }>(
    `select case when m_wins then m_id else t_id end as kept, case when m_wins then t_id else m_id end as gone, unread
       from (
         select m.id as m_id, t.id as t_id, 'received' in (m.status, t.status) as unread,
             ${rankOf('m')} > ${rankOf('t')} as m_wins
           from public.messages_new m join public.messages_new t on t.from_me = m.from_me and t.wa_id = m.wa_id
           where m.conversation_id = $1 and t.conversation_id = $2) pairs`,
    [from, to],
  )
  if (twins.length > 0) {
    const gone = twins.map((twin) => twin.gone)
    await transaction.query(
      `update public.messages_new k set
           status = case when private.status_rank(g.status) > private.status_rank(k.status) then g.status else k.status end,
           starred = k.starred or g.starred,
           hidden_at = coalesce(k.hidden_at, g.hidden_at),
           interactions = case when coalesce(g.interactions, '[]') = '[]' or k.revoked_at is not null then k.interactions else (
             select coalesce(jsonb_agg(e.element order by (e.element ->> 'at')::numeric, e.element::text collate "C"), '[]')
               from (
                 select distinct on (a.element ->> 'type', a.element ->> 'from') a.element
                   from jsonb_array_elements(coalesce(k.interactions, '[]') || g.interactions) as a(element)
                   order by a.element ->> 'type', a.element ->> 'from', (a.element ->> 'at')::numeric desc,
                     a.element::text collate "C" desc) e) end
         from unnest($1::uuid[], $2::uuid[]) as p(kept, gone)
         join public.messages_new g on g.id = p.gone
         where k.id = p.kept`,
      [twins.map((twin) => twin.kept), gone],
    )
    await transaction.query(
      `with pairs as (select * from unnest($1::text[], $2::text[]) as p(kept, gone))
       update private.session_commands k set payload = k.payload || jsonb_strip_nulls(jsonb_build_object(
           'message_id', (select p.kept from pairs p where p.gone = k.payload ->> 'message_id'),
           'message_ids', (
             select jsonb_agg(coalesce(p.kept, e.id))
               from jsonb_array_elements_text(k.payload -> 'message_ids') as e(id) left join pairs p on p.gone = e.id)))
         where k.conversation_id = any($3)
           and (k.payload ->> 'message_id' = any($2) or k.payload -> 'message_ids' ?| $2)`,
      [twins.map((twin) => twin.kept), gone, [from, to]],
    )
    await transaction.query('delete from public.messages_new where id = any($1)', [gone])
  }
  await transaction.query('update public.messages_new set conversation_id = $2 where conversation_id = $1', [from, to])
  return twins.filter((twin) => twin.unread).length
}

/** What of two rows of one message is worth keeping, compared from the left. */
function rankOf(row: 'm' | 't'): string {
  return `(${row}.unsupported_type is distinct from 'ciphertext' or ${row}.revoked_at is not null or ${row}.edited_at is not null,
    ${row}.revoked_at is not null, coalesce(${row}.edited_at, '-infinity'),
    exists (select from private.session_commands c where c.message_id = ${row}.id))`
}
