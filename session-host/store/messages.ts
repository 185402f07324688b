import { maxTextLength, type MessageStatus } from '#shared/message.ts'
import type { SessionEvent } from '#shared/events.ts'
import type { InboundChange, InboundMessage, InboundReceipt } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'
import { keepEarlyChange, takeEarlyChanges } from './early-changes.ts'
import type { Unindexed } from './history-index.ts'
import { storeInteraction } from './interactions.ts'
import { editableContent, mediaFacts, storableContent } from './message-facts.ts'
import { keepProtos, type ProtoOwner } from './message-protos.ts'

interface StoredMessage {
  id: string
  conversation_id: string
  from_me: boolean
  wa_id: string
  status: MessageStatus
  is_new: boolean
}

/**
 * Stores messages and brings their conversations' rows up to date. A message that is there already stays as it is (WhatsApp delivers
 * at least once), but the content takes the place of a placeholder that stood in for it. Events for what is live; history has its own.
 * A trigger puts them into the search index; with `indexed` false the caller does it.
 */
export async function storeMessages(
  transaction: Transaction,
  owner: ProtoOwner,
  messages: InboundMessage[],
  conversations: Map<string, string>,
  { indexed = true }: { indexed?: boolean } = {},
): Promise<{ stored: number; events: SessionEvent[]; unindexed: Unindexed[] }> {
  const rows = dedupe(messages, conversations)
  if (rows.length === 0) return { stored: 0, events: [], unindexed: [] }
  if (!indexed) await transaction.query(`select set_config('gateway.indexes_itself', 'on', true)`)
  const stored = await transaction.query<StoredMessage>(
    `insert into public.messages_new as m (
         conversation_id, user_id, session_id, sender_type, message_type, text_content, created_at, wa_id, from_me,
         sender_jid, status, reply_to_wa_id, unsupported_type, content, expires_at, media_status, media_mime_type,
         media_size_bytes, media_sha256, media_duration_seconds, media_width, media_height, media_file_name, media_waveform)
       select n.conversation_id, $1, $2, n.sender_type, n.type, n.text, to_timestamp(n.at), n.wa_id, n.from_me,
           n.sender, n.status, n.reply_to, n.unsupported_type, n.content, to_timestamp(n.expires_at), f.status, f.mime_type,
           f.size_bytes, f.sha256, f.duration_seconds, f.width, f.height, f.file_name, f.waveform
         from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::boolean[], $10::text[],
             $11::text[], $12::text[], $13::text[], $14::jsonb[], $15::jsonb[], $16::float8[])
           as n(conversation_id, sender_type, type, text, at, wa_id, from_me, sender, status, reply_to, unsupported_type,
             content, media, expires_at)
         left join lateral jsonb_to_record(n.media) as f(
           status text, mime_type text, size_bytes bigint, sha256 text, duration_seconds real, width integer, height integer,
           file_name text, waveform smallint[]) on n.media is not null
         where n.expires_at is null or to_timestamp(n.expires_at) > now()
       on conflict (conversation_id, from_me, wa_id) do update set
           message_type = excluded.message_type,
           -- What was edited or deleted for everyone meanwhile is newer than the content that comes late.
           text_content = case when m.edited_at is null and m.revoked_at is null then excluded.text_content else m.text_content end,
           unsupported_type = excluded.unsupported_type, reply_to_wa_id = excluded.reply_to_wa_id,
           content = case when m.revoked_at is null then excluded.content else m.content end,
           expires_at = excluded.expires_at, media_status = excluded.media_status,
           media_mime_type = excluded.media_mime_type, media_size_bytes = excluded.media_size_bytes,
           media_sha256 = excluded.media_sha256, media_duration_seconds = excluded.media_duration_seconds,
           media_width = excluded.media_width, media_height = excluded.media_height,
           media_file_name = excluded.media_file_name, media_waveform = excluded.media_waveform
         where m.unsupported_type = 'ciphertext' and excluded.unsupported_type is distinct from 'ciphertext'
           -- In a group nobody fills in what somebody else wrote: all its members see a message's id. One person may have two JIDs.
           and (m.sender_jid is not distinct from excluded.sender_jid
             or ${isOnePerson('m.sender_jid', 'excluded.sender_jid', '$2')})
       returning m.id, m.conversation_id, m.from_me, m.wa_id, m.status, (xmax = 0) as is_new`,
    [
      owner.userId,
      owner.sessionId,
      rows.map((row) => row.conversationId),
      rows.map((row) => (row.message.type === 'notice' ? 'system' : 'user')),
      rows.map((row) => row.message.type),
      rows.map((row) => storable(row.message.text)),
      rows.map((row) => row.message.at),
      rows.map((row) => row.message.waId),
      rows.map((row) => row.message.fromMe),
      rows.map((row) => row.message.sender ?? null),
      rows.map((row) => row.message.status),
      rows.map((row) => row.message.replyTo ?? null),
      rows.map((row) => row.message.unsupportedType ?? null),
      rows.map((row) => JSON.stringify(storableContent(row.message.content))),
      rows.map((row) => (row.message.media ? JSON.stringify(mediaFacts(row.message.media)) : null)),
      rows.map((row) => row.message.expiresAt ?? null),
    ],
  )
  const protos = new Map(rows.flatMap(({ key, message }) => (message.proto ? [[key, message.proto]] : [])))
  await keepProtos(
    transaction,
    owner,
    stored.flatMap((row) => {
      const proto = protos.get(keyOf(row.conversation_id, row.from_me, row.wa_id))
      return proto ? [{ messageId: row.id, waId: row.wa_id, proto }] : []
    }),
  )
  const live = new Set(rows.filter((row) => row.message.live).map((row) => row.key))
  await touchConversations(transaction, stored, live)
  const announced = stored.filter((row) => live.has(keyOf(row.conversation_id, row.from_me, row.wa_id)))
  const changed: SessionEvent[] = []
  for (const { conversationId, change } of await takeEarlyChanges(transaction, owner, stored))
    changed.push(...(await storeChange(transaction, owner, conversationId, change)))
  return {
    stored: stored.length,
    events: [...announced.map(announce), ...changed],
    unindexed: indexed ? [] : textsOf(stored, rows),
  }
}

/** The texts of new messages. */
function textsOf(stored: StoredMessage[], rows: { key: string; message: InboundMessage }[]): Unindexed[] {
  const texts = new Map(rows.map(({ key, message }) => [key, storable(message.text)]))
  return stored.flatMap((row) => {
    const text = row.is_new ? texts.get(keyOf(row.conversation_id, row.from_me, row.wa_id)) : null
    return text ? [{ id: row.id, text }] : []
  })
}

function announce(row: StoredMessage): SessionEvent {
  const ids = { conversation_id: row.conversation_id, message_id: row.id }
  return row.is_new
    ? { type: 'message.created', data: { ...ids, from_me: row.from_me } }
    : { type: 'message.updated', data: ids }
}

/** Newest message, first message and unread count of the conversations that these messages went to. */
async function touchConversations(transaction: Transaction, stored: StoredMessage[], live: Set<string>): Promise<void> {
  if (stored.length === 0) return
  const unread = new Map<string, number>()
  for (const row of stored) {
    const counts =
      row.is_new &&
      !row.from_me &&
      row.status === 'received' &&
      live.has(keyOf(row.conversation_id, row.from_me, row.wa_id))
    unread.set(row.conversation_id, (unread.get(row.conversation_id) ?? 0) + (counts ? 1 : 0))
  }
  await transaction.query(
    `update public.conversations_new c set
         unread_count = c.unread_count + t.unread,
         started_at = case when c.last_message_at is null then t.first_at else least(c.started_at, t.first_at) end,
         -- Compared with the row as it is once whoever has it has committed; of one message its newer content.
         (last_message_at, last_message_id, last_message_ordinal, last_message_text, last_message_type, last_message_from_me) = (
           select v.at, v.id, v.ordinal, v.text, v.type, v.from_me
             from (values
               (1, t.created_at, t.id, t.ordinal, left(t.text_content, 200), t.message_type, t.from_me),
               (0, c.last_message_at, c.last_message_id, c.last_message_ordinal, c.last_message_text, c.last_message_type,
                 c.last_message_from_me)) as v(rank, at, id, ordinal, text, type, from_me)
             order by v.at desc nulls last, coalesce(v.ordinal, 0) desc, v.rank desc limit 1)
       from (
         select distinct on (m.conversation_id) m.*, u.unread,
             min(m.created_at) over (partition by m.conversation_id) as first_at
           from public.messages_new m
           join unnest($2::uuid[], $3::integer[]) as u(conversation_id, unread) on u.conversation_id = m.conversation_id
           where m.id = any($1)
           order by m.conversation_id, m.created_at desc, m.ordinal desc) t
       where c.id = t.conversation_id`,
    [stored.map((row) => row.id), [...unread.keys()], [...unread.values()]],
  )
}

/** Raises delivery statuses; lower or equal ones change nothing. */
export async function storeReceipts(
  transaction: Transaction,
  owner: { sessionId: string },
  receipts: InboundReceipt[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const known = receipts.flatMap((receipt) => {
    const conversationId = conversations.get(receipt.chat)
    return conversationId && !receipt.member ? [{ ...receipt, conversationId }] : []
  })
  if (known.length === 0) return []
  const rows = await transaction.query<{ id: string; conversation_id: string; before: string; status: MessageStatus }>(
    `select m.id, m.conversation_id, m.status as before, r.status
       from (
         select distinct on (conversation_id, wa_id, from_me) *
           from unnest($2::uuid[], $3::text[], $4::boolean[], $5::text[]) as r(conversation_id, wa_id, from_me, status)
           order by conversation_id, wa_id, from_me, private.status_rank(status) desc) r
       join public.messages_new m
         on m.conversation_id = r.conversation_id and m.wa_id = r.wa_id and m.from_me = r.from_me
       where m.session_id = $1 and private.status_rank(r.status) > private.status_rank(m.status)
         -- What others wrote is read or played here, nothing in between.
         and (m.from_me or r.status in ('read', 'played'))
       order by m.id
       for update of m`,
    [
      owner.sessionId,
      known.map((receipt) => receipt.conversationId),
      known.map((receipt) => receipt.waId),
      known.map((receipt) => receipt.fromMe),
      known.map((receipt) => receipt.status),
    ],
  )
  if (rows.length === 0) return []
  await transaction.query(
    `update public.messages_new m set status = r.status, error_code = null
       from unnest($1::uuid[], $2::text[]) as r(id, status) where m.id = r.id`,
    [rows.map((row) => row.id), rows.map((row) => row.status)],
  )
  // A receipt proves what a lost acknowledgement would have said: the send is done and must not be repeated.
  const proven = rows.filter((row) => row.before === 'pending' || row.before === 'failed')
  if (proven.length > 0)
    await transaction.query(
      `update private.session_commands set status = 'done', finished_at = now()
         where message_id = any($1) and status in ('queued', 'claimed')`,
      [proven.map((row) => row.id)],
    )
  return rows.flatMap((row) => {
    const ids = { conversation_id: row.conversation_id, message_id: row.id }
    const event: SessionEvent = { type: 'message.status', data: { ...ids, status: row.status } }
    return proven.includes(row) && row.status !== 'sent'
      ? [{ type: 'message.status' as const, data: { ...ids, status: 'sent' as const } }, event]
      : [event]
  })
}

/**
 * Edits by the author, deletions by the author or an admin of the group, reactions and votes by anybody. A deleted message keeps its row
 * and loses what was in it and on it. What comes before its message waits for it, so that any order ends alike.
 */
export async function storeChanges(
  transaction: Transaction,
  owner: ProtoOwner,
  changes: InboundChange[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = []
  for (const change of changes) {
    const conversationId = conversations.get(change.chat)
    if (conversationId && (await isStored(transaction, owner, conversationId, change)))
      events.push(...(await storeChange(transaction, owner, conversationId, change)))
    else await keepEarlyChange(transaction, owner, change)
  }
  return events
}

/** Whether the message of a change is there, with what it takes to make the change. */
async function isStored(
  transaction: Transaction,
  owner: { sessionId: string },
  conversationId: string,
  change: InboundChange,
): Promise<boolean> {
  const rows = await transaction.query(
    `select 1 from public.messages_new
       where session_id = $1 and conversation_id = $2 and wa_id = $3
         -- An admin of a group deletes what others wrote.
         and (from_me = $4 or $6)
         -- A vote is opened with the poll's secret, which a placeholder lacks.
         and not ($5 and unsupported_type is not distinct from 'ciphertext')`,
    [owner.sessionId, conversationId, change.waId, change.fromMe, change.kind === 'vote', isByAdmin(change)],
  )
  return rows.length > 0
}

async function storeChange(
  transaction: Transaction,
  owner: ProtoOwner,
  conversationId: string,
  change: InboundChange,
): Promise<SessionEvent[]> {
  if (change.kind !== 'edit' && change.kind !== 'revoke')
    return storeInteraction(transaction, owner, conversationId, change)
  const rows = await transaction.query<{ id: string }>(
    `update public.messages_new m set
         text_content = case when $5 then null else $6 end,
         content = case when $5 then '{}' else (content - array['mentions', 'mentions_everyone', 'preview']) || $9 end,
         interactions = case when $5 then '[]' else interactions end,
         edited_at = case when $5 then null else to_timestamp($7) end,
         revoked_at = case when $5 then to_timestamp($7) else revoked_at end
       where session_id = $1 and conversation_id = $2 and wa_id = $3 and revoked_at is null
         -- In a group nobody edits what somebody else wrote. One person may have two JIDs.
         and (from_me = $4 and (sender_jid is null or sender_jid = $8 or ${isOnePerson('m.sender_jid', '$8')})
           or $10 and exists (
             select from public.group_participants g
               where g.conversation_id = $2 and g.role in ('admin', 'superadmin')
                 and (g.jid = $8 or ${isOnePerson('g.jid', '$8')}
                   or $4 and g.jid in (
                     select unnest(array[s.phone || '@s.whatsapp.net', s.lid || '@lid'])
                       from public.whatsapp_sessions s where s.id = $1))))
         and ($5 or edited_at is null or edited_at <= to_timestamp($7))
       returning id`,
    [
      owner.sessionId,
      conversationId,
      change.waId,
      change.fromMe,
      change.kind === 'revoke',
      change.kind === 'edit' ? storable(change.text) : null,
      change.at,
      change.sender ?? null,
      JSON.stringify(change.kind === 'edit' ? editableContent(change.content) : {}),
      isByAdmin(change),
    ],
  )
  for (const { id } of rows) {
    if (change.kind === 'revoke')
      await transaction.query('delete from private.message_protos where message_id = $1', [id])
    await transaction.query(
      `update public.conversations_new c set last_message_text = left(m.text_content, 200)
         from public.messages_new m where m.id = $1 and c.last_message_id = m.id`,
      [id],
    )
  }
  return rows.map(({ id }) => ({
    type: 'message.updated',
    data: { conversation_id: conversationId, message_id: id },
  }))
}

/** Whether it may be an admin's doing: whose message it is then does not matter. */
function isByAdmin(change: InboundChange): boolean {
  return change.kind === 'revoke' && change.chat.endsWith('@g.us')
}

/** SQL: whether two JIDs of a session are known to be one person's. */
function isOnePerson(a: string, b: string, session = '$1'): string {
  return `exists (
    select from public.contact_identities a join public.contact_identities b on b.session_id = a.session_id and b.contact_id = a.contact_id
      where a.session_id = ${session} and a.jid = ${a} and b.jid = ${b})`
}

/** One row a message, in the order given; content wins over a placeholder of the same message. */
function dedupe(
  messages: InboundMessage[],
  conversations: Map<string, string>,
): { key: string; conversationId: string; message: InboundMessage }[] {
  const rows = new Map<string, { key: string; conversationId: string; message: InboundMessage }>()
  for (const message of messages) {
    const conversationId = conversations.get(message.chat)
    if (!conversationId) continue
    const key = keyOf(conversationId, message.fromMe, message.waId)
    const earlier = rows.get(key)
    if (!earlier || (earlier.message.unsupportedType === 'ciphertext' && earlier.message.sender === message.sender))
      rows.set(key, { key, conversationId, message })
  }
  return [...rows.values()]
}

function keyOf(conversationId: string, fromMe: boolean, waId: string): string {
  return `${conversationId}/${String(fromMe)}/${waId}`
}

/** Postgres text holds no NUL, and the column is bounded. */
export function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\0', '').slice(0, maxTextLength)
}
