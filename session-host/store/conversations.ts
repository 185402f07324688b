import { displayName } from '#shared/contact.ts'
import { phoneOf } from '#shared/ids.ts'
import type { SessionEvent } from '#shared/events.ts'
import type { InboundChat } from '#shared/inbound.ts'
import { clipName } from './clip-name.ts'
import type { Transaction } from './database.ts'

interface Owner {
  sessionId: string
  userId: string
}

/**
 * Makes sure that every chat named has its conversation, one a person, and stores what the phone said of it (name of a group,
 * unread, archived). `contacts` is what resolvePeople answered. Returns the conversation of every JID.
 */
export async function resolveConversations(
  transaction: Transaction,
  owner: Owner,
  chats: InboundChat[],
  contacts: Map<string, string>,
): Promise<{ conversations: Map<string, string>; events: SessionEvent[] }> {
  const events: SessionEvent[] = []
  const conversations = await findConversations(
    transaction,
    owner,
    chats.map((chat) => chat.jid),
    contacts,
  )
  const missing = new Map<string, InboundChat>()
  for (const chat of chats) if (!conversations.has(chat.jid)) missing.set(contacts.get(chat.jid) ?? chat.jid, chat)
  if (missing.size > 0) {
    for (const row of await createConversations(transaction, owner, [...missing.values()], contacts))
      events.push({ type: 'conversation.created', data: { conversation_id: row.id } })
    const found = await findConversations(
      transaction,
      owner,
      chats.map((chat) => chat.jid),
      contacts,
    )
    for (const [jid, id] of found) conversations.set(jid, id)
  }
  events.push(...(await storeChatState(transaction, chats, conversations)))
  return { conversations, events }
}

/** The conversations that these events say are new. */
export function createdBy(events: SessionEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'conversation.created' ? [event.data.conversation_id] : []))
}

/** The conversations that these JIDs have already. */
async function findConversations(
  transaction: Transaction,
  owner: Owner,
  jids: string[],
  contacts: Map<string, string>,
): Promise<Map<string, string>> {
  if (jids.length === 0) return new Map()
  const rows = await transaction.query<{ id: string; external_id: string; contact_id: string | null }>(
    `select id, external_id, contact_id from public.conversations_new
       where session_id = $1 and contact_id = any($2)
     union all
     select id, external_id, contact_id from public.conversations_new
       where session_id = $1 and external_id = any($3) and contact_id is null`,
    [owner.sessionId, [...new Set(jids.flatMap((jid) => contacts.get(jid) ?? []))], jids],
  )
  const byContact = new Map(rows.flatMap((row) => (row.contact_id ? [[row.contact_id, row.id]] : [])))
  const byJid = new Map(rows.map((row) => [row.external_id, row.id]))
  const found = new Map<string, string>()
  for (const jid of jids) {
    const contact = contacts.get(jid)
    const id = contact ? byContact.get(contact) : byJid.get(jid)
    if (id) found.set(jid, id)
  }
  return found
}

async function createConversations(
  transaction: Transaction,
  owner: Owner,
  chats: InboundChat[],
  contacts: Map<string, string>,
): Promise<{ id: string }[]> {
  const people = await transaction.query<{
    id: string
    name: string | null
    push_name: string | null
    verified_name: string | null
    phone: string | null
    address: string | null
  }>(
    `select c.id, c.name, c.push_name, c.verified_name, c.phone, (
         select i.jid from public.contact_identities i where i.contact_id = c.id
           order by i.jid = c.phone || '@s.whatsapp.net' desc nulls last, i.kind desc, i.created_at desc limit 1) as address
       from public.contacts c where c.id = any($1)`,
    [chats.flatMap((chat) => contacts.get(chat.jid) ?? [])],
  )
  const byId = new Map(people.map((person) => [person.id, person]))
  const rows = chats.map((chat) => {
    const person = byId.get(contacts.get(chat.jid) ?? '')
    return {
      contact_id: person?.id ?? null,
      external_id: person?.address ?? chat.jid,
      name: person
        ? displayName({
            name: person.name,
            verifiedName: person.verified_name,
            pushName: person.push_name,
            phone: person.phone ?? phoneOf(chat.jid),
          })
        : clipName(chat.name),
    }
  })
  return transaction.query<{ id: string }>(
    `insert into public.conversations_new (user_id, session_id, contact_id, kind, external_id, contact_name, wa_user_id)
       select $1, $2, c.contact_id, case when c.contact_id is null then 'group' else 'contact' end, c.external_id, c.name,
           (select s.phone from public.whatsapp_sessions s where s.id = $2)
         from unnest($3::uuid[], $4::text[], $5::text[]) as c(contact_id, external_id, name)
       returning id`,
    [
      owner.userId,
      owner.sessionId,
      rows.map((row) => row.contact_id),
      rows.map((row) => row.external_id),
      rows.map((row) => row.name),
    ],
  )
}

/** What the phone's list of chats says. A setting that was changed since, here or there, is newer than a history that comes late. */
export async function storeChatState(
  transaction: Transaction,
  chats: InboundChat[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const states = new Map<string, InboundChat>()
  for (const chat of chats) {
    const id = conversations.get(chat.jid)
    if (id && saysSomething(chat)) states.set(id, { ...states.get(id), ...chat })
  }
  if (states.size === 0) return []
  const changed = await transaction.query<{ id: string; unread_count: number }>(
    `update public.conversations_new c set
         unread_count = n.unread, archived = n.archived, pinned_at = n.pinned_at, muted_until = n.muted_until,
         marked_unread = n.marked_unread, contact_name = n.name
       from (
         select b.id, coalesce(s.unread, b.unread_count) as unread,
             case when b.state_at is null then coalesce(s.archived, b.archived) else b.archived end as archived,
             case when b.state_at is null then coalesce(to_timestamp(s.pinned_at), b.pinned_at) else b.pinned_at end as pinned_at,
             case when b.state_at is not null or s.muted_until is null then b.muted_until
               when s.muted_until < 0 then '9999-12-31 00:00:00+00'
               else to_timestamp(least(s.muted_until / 1000, 253300000000)) end as muted_until,
             case when b.state_at is null then coalesce(s.marked_unread, b.marked_unread) else b.marked_unread end as marked_unread,
             case when b.kind = 'group' then coalesce(s.name, b.contact_name) else b.contact_name end as name
           from jsonb_to_recordset($1) as s(
             id uuid, unread integer, archived boolean, pinned_at float8, muted_until float8, marked_unread boolean, name text)
           join public.conversations_new b on b.id = s.id) n
       where c.id = n.id
         and (c.unread_count, c.archived, c.pinned_at, c.muted_until, c.marked_unread, c.contact_name)
           is distinct from (n.unread, n.archived, n.pinned_at, n.muted_until, n.marked_unread, n.name)
       returning c.id, c.unread_count`,
    [
      JSON.stringify(
        [...states].map(([id, chat]) => ({
          id,
          unread: chat.unread === undefined ? null : Math.max(0, chat.unread),
          archived: chat.archived ?? null,
          pinned_at: chat.pinnedAt ?? null,
          muted_until: chat.mutedUntil ?? null,
          marked_unread: chat.markedUnread ?? null,
          name: clipName(chat.name),
        })),
      ),
    ],
  )
  return changed.map((row) => ({
    type: 'conversation.updated',
    data: { conversation_id: row.id, unread_count: row.unread_count },
  }))
}

function saysSomething({ jid, name, unread, archived, pinnedAt, mutedUntil, markedUnread }: InboundChat): boolean {
  const facts = [unread, archived, pinnedAt, mutedUntil, markedUnread]
  return facts.some((fact) => fact !== undefined) || (name !== undefined && jid.endsWith('@g.us'))
}
