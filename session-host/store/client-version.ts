import type { Database } from './database.ts'

/** The newest revision of WhatsApp Web that any session was accepted with; null before the first. */
export async function newestAcceptedRevision(database: Database): Promise<number | null> {
  const [row] = await database.query<{ revision: number | null }>(
    'select max(client_revision) as revision from public.whatsapp_sessions',
  )
  return row?.revision ?? null
}
