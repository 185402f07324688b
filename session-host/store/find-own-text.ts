import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'

/** The text of a message that the account itself wrote, by WhatsApp id: what a retry request is answered with, also after a restart. */
export function findOwnText(database: Database, lease: Lease): (waId: string) => Promise<string | null> {
  return async (waId) => {
    const [row] = await database.query<{ text_content: string | null }>(
      `select text_content from public.messages_new
         where session_id = $1 and wa_id = $2 and from_me and revoked_at is null limit 1`,
      [lease.sessionId, waId],
    )
    return row?.text_content ?? null
  }
}
