import type { Database } from './database.ts'

/** A chat and its newest message that is shown; `wa_id` is null when there is none. */
export interface ChatRow {
  /** JID that the phone's own settings name it by, else the one that is addressed. */
  address: string
  wa_id: string | null
  from_me: boolean
  sender_jid: string | null
  /** Epoch seconds. */
  at: number
}

export interface ChatReader {
  /** With one message in place of the newest, if `messageId` names one. */
  readChat(conversationId: string, messageId?: string): Promise<ChatRow | null>
}

/** Reads what a change of a chat's state needs to know, at the moment of telling WhatsApp. */
export function createChatReader(database: Database, sessionId: string): ChatReader {
  return {
    async readChat(conversationId, messageId) {
      const [row] = await database.query<ChatRow>(
        `select coalesce(c.state_jid, (
             select i.jid from public.contact_identities i where i.contact_id = c.contact_id
               order by i.kind, i.created_at desc limit 1), c.external_id) as address,
             m.wa_id, m.from_me, m.sender_jid, extract(epoch from m.created_at)::float8 as at
           from public.conversations_new c
           left join lateral (
             select * from public.messages_new m where m.conversation_id = c.id and case when $3::uuid is null then m.hidden_at is null else m.id = $3 end
               order by m.created_at desc, m.ordinal desc limit 1) m on true
           where c.id = $1 and c.session_id = $2`,
        [conversationId, sessionId, messageId ?? null],
      )
      return row ?? null
    },
  }
}
