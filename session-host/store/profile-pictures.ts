import type { SessionEvent } from '#shared/events.ts'
import { appendEvents } from './append-events.ts'
import type { Database, Transaction } from './database.ts'
import { fenced, type Lease } from './fenced.ts'

/** A conversation whose picture is to be looked up, by the JID to ask for. */
export interface DuePicture {
  conversationId: string
  jid: string
}

/** What a look-up gave: an address, null for no picture, or that there was no answer. `dueAt` is when to ask again. */
export interface FoundPicture {
  conversationId: string
  url: string | null | undefined
  dueAt: Date
}

/** The schedule of a session's profile pictures. */
export interface ProfilePictures {
  /** Conversations whose picture was never looked up or is due, newest activity first. */
  due(limit: number): Promise<(DuePicture & { failures: number })[]>
  store(found: FoundPicture[]): Promise<void>
}

/** @see ProfilePictures */
export function createProfilePictures(database: Database, lease: Lease): ProfilePictures {
  return {
    due: (limit) =>
      database.query(
        `select c.id as "conversationId", coalesce(c.external_id, '') as jid, coalesce(p.failures, 0) as failures
           from public.conversations_new c left join private.profile_pictures p on p.conversation_id = c.id
           where c.session_id = $1 and c.user_id = $2 and coalesce(p.due_at, '-infinity') <= now()
           order by c.activity_at desc, c.id desc limit $3`,
        [lease.sessionId, lease.userId, limit],
      ),
    store: (found) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `insert into private.profile_pictures as p (conversation_id, user_id, session_id, due_at, failures)
             select c.id, c.user_id, c.session_id, f.due_at, case when f.answered then 0 else 1 end
               from unnest($2::uuid[], $3::timestamptz[], $4::boolean[]) as f(id, due_at, answered)
               join public.conversations_new c on c.id = f.id and c.session_id = $1
             on conflict (conversation_id) do update set
               due_at = excluded.due_at, failures = case when excluded.failures = 0 then 0 else least(p.failures + 1, 100) end`,
          [
            lease.sessionId,
            found.map(({ conversationId }) => conversationId),
            found.map(({ dueAt }) => dueAt),
            found.map(({ url }) => url !== undefined),
          ],
        )
        const answered = found.filter(({ url }) => url !== undefined)
        const urls = answered.map(({ conversationId, url }): [string, string | null] => [conversationId, url ?? null])
        const events = await setPictures(transaction, lease.sessionId, urls)
        if (events.length > 0) await appendEvents(transaction, lease, events)
      }),
  }
}

/** WhatsApp says that these have another picture or none: what is gone goes at once, what is new is looked up. */
export async function storePictureChanges(
  transaction: Transaction,
  owner: { sessionId: string; userId: string },
  pictures: { jid: string; removed: boolean }[],
): Promise<SessionEvent[]> {
  const rows = await transaction.query<{ id: string; removed: boolean }>(
    `select distinct c.id, g.removed
       from unnest($2::text[], $3::boolean[]) as g(jid, removed)
       left join public.contact_identities i on i.session_id = $1 and i.jid = g.jid
       join public.conversations_new c
         on c.session_id = $1 and (c.contact_id = i.contact_id or (c.contact_id is null and c.external_id = g.jid))`,
    [owner.sessionId, pictures.map(({ jid }) => jid), pictures.map(({ removed }) => removed)],
  )
  await transaction.query(
    `insert into private.profile_pictures (conversation_id, user_id, session_id)
       select c.id, c.user_id, c.session_id from public.conversations_new c where c.id = any($1)
       on conflict (conversation_id) do update set due_at = now(), failures = 0`,
    [rows.map(({ id }) => id)],
  )
  return setPictures(
    transaction,
    owner.sessionId,
    rows.filter(({ removed }) => removed).map(({ id }) => [id, null]),
  )
}

async function setPictures(
  transaction: Transaction,
  sessionId: string,
  urls: [conversationId: string, url: string | null][],
): Promise<SessionEvent[]> {
  const changed = await transaction.query<{ id: string }>(
    `update public.conversations_new c set contact_photo_url = g.url
       from unnest($2::uuid[], $3::text[]) as g(id, url)
       where c.id = g.id and c.session_id = $1 and c.contact_photo_url is distinct from g.url
       returning c.id`,
    [sessionId, urls.map(([id]) => id), urls.map(([, url]) => url)],
  )
  return changed.map(({ id }) => ({ type: 'conversation.updated', data: { conversation_id: id } }))
}
