import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { emptyBatch, type InboundMessage } from '#shared/inbound.ts'
import { createCredentialStore } from '../../session-host/store/credentials.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createSealedBox } from '../../session-host/store/sealed-box.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { asUser, createLinkedSession, readAll, type LinkedSession } from './linked-session.fixture.ts'
import type { Objects } from './policy-matrix.ts'

/** A user with rows in every table. */
export interface Inhabitant extends Objects {
  session: LinkedSession
  /** Words that only this user's rows hold: an answer to somebody else must not contain one. */
  secrets: string[]
}

/** Fills every table for one user, through the code that fills it in the product where there is such. */
export async function createInhabitant(
  stack: ServedDatabase,
  database: Database,
  { seed, phone, email }: { seed: number; phone: string; email: string },
): Promise<Inhabitant> {
  const session = await createLinkedSession(stack, database, { phone, email })
  const { userId, sessionId, lease } = session
  const secret = `secret${seed}x${randomUUID().slice(0, 8)}`
  const jid = `34611${String(seed).padStart(6, '0')}@s.whatsapp.net`
  const lid = `9${seed}000001@lid`
  const group = `1203630000000${seed}@g.us`
  const message = (chat: string, at: number, facts: Partial<InboundMessage> = {}): InboundMessage => ({
    chat,
    waId: `${secret}-${at}`,
    fromMe: false,
    // Times of one's own: with the same second in both worlds a page's cursor would fall between two rows by their ids alone.
    at: 1_790_000_000 + seed * 1_000 + at,
    type: 'text',
    text: `${secret} text ${at}`,
    status: 'received',
    live: true,
    ...facts,
  })
  const projection = createProjection(database, lease)
  // The number and the LID apart first, so that there is a merge.
  await projection.project({ ...emptyBatch(), messages: [message(jid, 1), message(lid, 2)] })
  await projection.project({
    ...emptyBatch(),
    people: [{ jid, alt: lid, name: `${secret} name`, pushName: `${secret} push` }],
    chats: [{ jid: group, name: `${secret} group` }],
    messages: [message(group, 3, { sender: jid }), message('34699000000@s.whatsapp.net', 4)],
    receipts: [{ chat: jid, waId: `${secret}-early`, fromMe: true, status: 'read' }],
    states: [{ chat: '34699000001@s.whatsapp.net', kind: 'archive', on: true }],
    ownName: `${secret} own`,
  })
  const credentials = createCredentialStore(database, createSealedBox([{ id: 'a', key: Buffer.alloc(32, 7) }]), lease)
  await credentials.write({
    credentials: Buffer.from(secret),
    keys: [{ type: 'session', id: 'a', value: Buffer.from(secret) }],
    inbox: [{ id: `${secret}inbox`, stanzaKey: `${secret}stanza`, value: Buffer.from(secret) }],
  })
  await database.query(
    `insert into private.rate_buckets (session_id, kind, tokens, at) values ($1, 'set_presence', 1, now())`,
    [sessionId],
  )
  await database.query(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice, refused)
       values ($1, $2, $3, $4, 'recent', $5, 1)`,
    [sessionId, userId, secret.padEnd(64, '0'), `${secret}chunk`, Buffer.from(secret)],
  )
  await database.query(
    `insert into private.linking_attempts (session_id, qr, qr_expires_at)
       values ($1, 'data:image/png;base64,' || $2, now() + interval '1 hour')`,
    [sessionId, secret],
  )
  await database.query(
    `insert into private.socket_connections (id, user_id, holder, expires_at) values ($1, $2, $3, now() + interval '1 hour')`,
    [`${secret}socket`, userId, lease.holder],
  )
  const { submitted, started } = await asUser(database, userId, async (query) => {
    const [row] = await query<{ submitted: { message: { id: string; conversation_id: string } } }>(
      'select private.submit_message($1, $2, $3, null, $4) as submitted',
      [jid, `${secret} outgoing`, `${secret}key`, 'user'],
    )
    const [command] = await query<{ started: { command_id: number } }>(
      'select private.start_conversation($1, null) as started',
      [`34622${String(seed).padStart(6, '0')}@s.whatsapp.net`],
    )
    if (!row || !command) throw new Error('a function answered nothing')
    return { ...row, ...command }
  })
  await database.query('select private.broadcast_events(array[$1]::uuid[])', [sessionId])
  const [personality] = await readAll<{ id: string }>(
    stack,
    `insert into public.personalities (user_id, name, instructions) values ($1, $2, $3) returning id`,
    [userId, `${secret} personality`, `${secret} instructions`],
  )
  await readAll(stack, `update public.conversations_new set personality_id = $2 where user_id = $1`, [
    userId,
    personality?.id,
  ])
  const [ids] = await readAll<{ contact: string; group: string }>(
    stack,
    `select (select contact_id from public.contact_identities where session_id = $1 and jid = $2) as contact,
       (select id from public.conversations_new where session_id = $1 and external_id = $3) as "group"`,
    [sessionId, jid, group],
  )
  await database.query(
    `select private.store_group($1, $2, jsonb_build_object('description', $3::text), jsonb_build_array(jsonb_build_object('jid', $4::text)))`,
    [sessionId, ids?.group, `${secret} description`, jid],
  )
  await database.query(`select private.raise_receipts($1, $2, $3, '{delivered}', array[now()])`, [
    sessionId,
    [submitted.message.id],
    [jid],
  ])
  await database.query(
    `insert into private.early_changes (session_id, chat_jid, wa_id, from_me, change, digest)
       values ($1, $2, 'early', true, $3, 'd')`,
    [sessionId, jid, JSON.stringify({ text: `${secret} early` })],
  )
  await readAll(stack, `insert into private.erasures (user_id, media_prefix) values ($1, $2)`, [userId, `${userId}/`])
  await database.query(
    `insert into private.calls (session_id, call_id, user_id, conversation_id, creator_jid, video, at)
       values ($1, $2, $3, $4, $2, false, now())`,
    [sessionId, jid, userId, submitted.message.conversation_id],
  )
  await database.query(
    'insert into private.profile_pictures (conversation_id, user_id, session_id) values ($1, $2, $3)',
    [submitted.message.conversation_id, userId, sessionId],
  )
  await database.query('insert into private.message_protos (message_id, user_id, proto) values ($1, $2, $3)', [
    submitted.message.id,
    userId,
    Buffer.from(`${secret} proto`),
  ])
  await readAll(stack, `update public.messages_new set media_status = 'failed' where id = $1`, [submitted.message.id])
  await database.query('insert into private.media_sends (message_id, user_id) values ($1, $2)', [
    submitted.message.id,
    userId,
  ])
  await database.query('insert into private.media_removals (path, user_id, session_id) values ($1, $2, $3)', [
    `${userId}/in/x`,
    userId,
    sessionId,
  ])
  await database.query(`insert into private.media_downloads (message_id, user_id, session_id) values ($1, $2, $3)`, [
    submitted.message.id,
    userId,
    sessionId,
  ])
  await readAll(
    stack,
    `insert into private.quarantined_messages (session_id, id, stanza_key, ciphertext, stage, error, received_at)
       values ($1, 'id', 'key', $2, 'read', 'unreadable', now())`,
    [sessionId, Buffer.from(`${secret} kept aside`)],
  )
  // A send that has waited for long, for the administrators' views.
  await asUser(database, userId, (query) =>
    query(`select private.submit_message($1, $2, null, null, 'user')`, [jid, `${secret} waiting`]),
  )
  await readAll(
    stack,
    `update public.messages_new set created_at = now() - interval '1 hour' where user_id = $1 and text_content like '% waiting'`,
    [userId],
  )
  if (!personality || !ids) throw new Error('the world is incomplete')
  return {
    session,
    userId,
    sessionId,
    conversationId: submitted.message.conversation_id,
    messageId: submitted.message.id,
    contactId: ids.contact,
    groupId: ids.group,
    commandId: started.command_id,
    personalityId: personality.id,
    jid,
    secrets: [secret, phone, email],
  }
}

/** How a table tells whose rows are whose: by `user_id`, else by `session_id`. Null when it has neither. */
export function ownedBy(columns: { name: string }[]): string | null {
  const names = new Set(columns.map(({ name }) => name))
  if (names.has('user_id')) return 'user_id = $1'
  if (names.has('session_id')) return 'session_id in (select s.id from public.whatsapp_sessions s where s.user_id = $1)'
  return null
}

/** A digest of everything that a user has, by table. Equal before and after: nothing of theirs has changed. */
export async function digestOf(
  owner: pg.ClientBase,
  relations: { name: string; kind: string; columns: { name: string }[] }[],
  userId: string,
): Promise<Record<string, string>> {
  const parts = relations.flatMap(({ name, kind, columns }) => {
    const owned = ownedBy(columns)
    return kind === 'table' && owned
      ? [
          `select '${name}' as name, count(*) || ':' || coalesce(md5(string_agg(t::text, chr(10) order by t::text)), '') as digest
           from ${name} t where ${owned}`,
        ]
      : []
  })
  parts.push(`select 'auth.users', md5(u::text) from auth.users u where id = $1`)
  const { rows } = await owner.query<{ name: string; digest: string }>(parts.join(' union all '), [userId])
  return Object.fromEntries(rows.map((row) => [row.name, row.digest]))
}
