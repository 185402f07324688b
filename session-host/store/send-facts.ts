import type { Queryable } from './database.ts'

/** What decides how a conversation may be written to. */
export interface SendFacts {
  /** Number JID of the person, when it is known; null for groups, too. */
  number: string | null
  /** Nobody has written in it yet, on either side. */
  isFirstContact: boolean
  /** The person's phone has shown lately that it is there: it wrote, or a message reached it. */
  isReached: boolean
}

/** A phone that showed itself this long ago is there. */
const reachedFor = '7 days'

/** @see SendFacts; null when the conversation is gone. */
export async function readSendFacts(
  queryable: Queryable,
  sessionId: string,
  conversationId: string,
): Promise<SendFacts | null> {
  const [row] = await queryable.query<SendFacts>(
    `select case when c.external_id like '%@s.whatsapp.net' then c.external_id end as number,
         c.kind = 'contact' and not exists (
           select from public.messages_new m where m.conversation_id = c.id and m.message_type <> 'notice'
             and m.status not in ('pending', 'failed')) as "isFirstContact",
         c.kind = 'group' or exists (
           select from public.messages_new m where m.conversation_id = c.id and m.message_type <> 'notice'
             and m.created_at > now() - interval '${reachedFor}'
             and (not m.from_me or m.status in ('delivered', 'read', 'played'))) as "isReached"
       from public.conversations_new c where c.id = $2 and c.session_id = $1`,
    [sessionId, conversationId],
  )
  return row ?? null
}
