import { createHash } from 'node:crypto'
import type { InboundChange } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

/** Changes of a session that are kept at most, the newest; and for how many days: nobody can fill the table. */
const most = 10_000
const days = 7

/** Keeps a change of a message that is not stored, for when it is. The same change is kept once. */
export async function keepEarlyChange(
  transaction: Transaction,
  { sessionId }: { sessionId: string },
  { inboxKey: _inboxKey, ...change }: InboundChange,
): Promise<void> {
  const text = encode(change)
  await transaction.query(
    `insert into private.early_changes (session_id, chat_jid, wa_id, from_me, change, digest)
       values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [sessionId, change.chat, change.waId, change.fromMe, text, createHash('sha256').update(text).digest('base64url')],
  )
  await transaction.query(
    `delete from private.early_changes where session_id = $1 and (received_at < now() - make_interval(days => $2)
       or id <= (select id from private.early_changes where session_id = $1 order by id desc offset $3 limit 1))`,
    [sessionId, days, most],
  )
}

/** What was kept for messages that are stored now, oldest first, each with its conversation; it is kept no longer. */
export async function takeEarlyChanges(
  transaction: Transaction,
  { sessionId }: { sessionId: string },
  messages: { conversation_id: string; wa_id: string; from_me: boolean }[],
): Promise<{ conversationId: string; change: InboundChange }[]> {
  if (messages.length === 0) return []
  const rows = await transaction.query<{ id: number; conversation_id: string; change: Record<string, unknown> }>(
    `delete from private.early_changes e
       using unnest($2::uuid[], $3::text[], $4::boolean[]) as m(conversation_id, wa_id, from_me)
       join public.conversations_new c on c.id = m.conversation_id
       where e.session_id = $1 and e.wa_id = m.wa_id
         -- Admins of groups delete what others wrote.
         and (e.from_me = m.from_me or e.chat_jid like '%@g.us' and e.change ->> 'kind' = 'revoke')
         -- Whoever writes in one chat changes nothing in another.
         and (e.chat_jid = c.external_id or exists (
           select from public.contact_identities i
             where i.session_id = $1 and i.jid = e.chat_jid and i.contact_id = c.contact_id))
       returning e.id, m.conversation_id, e.change`,
    [
      sessionId,
      messages.map((row) => row.conversation_id),
      messages.map((row) => row.wa_id),
      messages.map((row) => row.from_me),
    ],
  )
  return rows
    .map((row) => ({ id: row.id, conversationId: row.conversation_id, change: decode(row.change) }))
    .toSorted((a, b) => a.change.at - b.change.at || a.id - b.id)
}

function encode(change: Omit<InboundChange, 'inboxKey'>): string {
  // Before JSON.stringify, which asks a Buffer for a form of its own. Postgres text holds no NUL.
  const plain = Object.entries(change).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value,
  ])
  return JSON.stringify(Object.fromEntries(plain) as object, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '') : value,
  )
}

function decode(change: Record<string, unknown>): InboundChange {
  return Object.fromEntries(
    Object.entries(change).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null && 'bytes' in value
        ? Buffer.from(String(value.bytes), 'base64')
        : value,
    ]),
  ) as unknown as InboundChange
}
