import type pg from 'pg'

/** A word that is searched for, and how many messages of the largest user hold it. */
export interface Needle {
  term: string
  hits: number
}

/** What was loaded, with places to read from. */
export interface LoadedLists {
  /** Owner of half of everything. */
  userId: string
  conversationIds: string[]
  largestConversation: string
  /** Cursors of page 180 of the conversations, or of the last full page where there are fewer; [activity_at, id]. */
  deepConversations: [string, string][]
  /** Cursors deep in the largest conversation; [created_at, ordinal]. */
  deepMessages: [string, number][]
  needles: Needle[]
}

/** Others who share the second half. */
const otherUsers = 99
/** Share of a user's messages that the largest conversation holds. */
const largestShare = 0.05

/**
 * Fills the tables up to a size, or adds to what was loaded before. Rows are made in SQL, without triggers and foreign keys, and the
 * indices are built afterwards. `loader` is a superuser's connection.
 */
export async function loadLists(
  loader: pg.Client,
  before: LoadedLists | null,
  size: { conversations: number; messages: number },
): Promise<LoadedLists> {
  await loader.query(
    `set session_replication_role = replica; set synchronous_commit = off; set maintenance_work_mem = '512MB'; set work_mem = '128MB'`,
  )
  if (before === null) await loader.query(users, [otherUsers])
  const indices = await dropIndices(loader, [
    'public.messages_new',
    'private.message_search',
    'public.conversations_new',
    'public.contacts',
  ])
  await loader.query(conversations, [size.conversations])
  await loader.query(places)
  await loader.query(`set enable_nestloop = off; set enable_mergejoin = off`)
  await loader.query(messages, [size.messages, largestShare])
  await loader.query('reset enable_nestloop; reset enable_mergejoin')
  await loader.query(searchRows)
  await loader.query(lastMessages)
  for (const index of indices) await loader.query(index)
  await loader.query('vacuum analyze')
  await loader.query('checkpoint')
  return findPlaces(loader)
}

/** Drops what no constraint needs; returns what makes it again. */
async function dropIndices(loader: pg.Client, tables: string[]): Promise<string[]> {
  const { rows } = await loader.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
       from pg_index i where i.indrelid = any($1::regclass[]) and not i.indisunique
         and not exists (select from pg_constraint k where k.conindid = i.indexrelid)`,
    [tables],
  )
  for (const { name } of rows) await loader.query(`drop index ${name}`)
  return rows.map(({ definition }) => definition)
}

async function findPlaces(loader: pg.Client): Promise<LoadedLists> {
  const one = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await loader.query<Row>(text, values)).rows
  const [owner] = await one<{ id: string; session: string }>(
    `select u.id, s.id as session from auth.users u join public.whatsapp_sessions s on s.user_id = u.id where u.email = 'bench0@example.com'`,
  )
  if (!owner) throw new Error('nobody was loaded')
  const conversations = await one<{ id: string; activity: string }>(
    'select id, activity_at::text as activity from public.conversations_new where session_id = $1 order by activity_at desc, id desc',
    [owner.session],
  )
  const [largest] = await one<{ id: string; count: number }>(
    `select conversation_id as id, count(*)::int as count from public.messages_new where session_id = $1 group by 1 order by 2 desc limit 1`,
    [owner.session],
  )
  if (!largest) throw new Error('nothing was loaded')
  // 50 cursors around nine tenths of the way down.
  const deep = await one<{ at: string; ordinal: number }>(
    `select created_at::text as at, ordinal::int from public.messages_new where conversation_id = $1
       order by created_at desc, ordinal desc offset $2 limit 50`,
    [largest.id, Math.floor(largest.count * 0.9)],
  )
  const page = Math.min(179 * 50, Math.max(0, conversations.length - 100))
  const needles = await one<{ term: string; hits: number }>(
    `select term, count(*)::int as hits from public.messages_new m, unnest(array['quorum', 'zafiro', 'nenufar', 'jilguero', 'mensaje', 'veterano']) term
       where m.user_id = $1 and m.text_content like '%' || term || '%' group by term`,
    [owner.id],
  )
  return {
    userId: owner.id,
    conversationIds: conversations.map((row) => row.id),
    largestConversation: largest.id,
    deepConversations: conversations.slice(page, page + 40).map((row) => [row.activity, row.id]),
    deepMessages: deep.map((row) => [row.at, row.ordinal]),
    needles,
  }
}

const users = `
  with u as (
    insert into auth.users (id, email) select gen_random_uuid(), 'bench' || n || '@example.com' from generate_series(0, $1::int) n
      returning id, email),
  s as (
    insert into public.whatsapp_sessions (user_id, desired, status, phone, linked_at)
      select id, 'running', 'connected', '346' || lpad(substr(email, 6, position('@' in email) - 6), 8, '0'), now() from u
      returning id)
  insert into private.session_streams (session_id) select id from s`

/** Half of the conversations are the first user's; a person each. */
const conversations = `
  with wanted as (
    select n, s.id as session_id, s.user_id, gen_random_uuid() as contact_id,
        '34' || lpad((600000000 + n)::text, 9, '0') as phone
      from generate_series((select count(*) from public.conversations_new) + 1, $1::bigint) n
      join public.whatsapp_sessions s
        on s.phone = '346' || lpad((case when n % 2 = 0 then 0 else 1 + (n / 2) % 99 end)::text, 8, '0')),
  people as (
    insert into public.contacts (id, user_id, session_id, name, phone)
      select contact_id, user_id, session_id, 'Persona ' || n, phone from wanted),
  identities as (
    insert into public.contact_identities (session_id, jid, contact_id, user_id)
      select session_id, phone || '@s.whatsapp.net', contact_id, user_id from wanted)
  insert into public.conversations_new (user_id, session_id, contact_id, external_id, contact_name, created_at)
    select user_id, session_id, contact_id, phone || '@s.whatsapp.net', 'Persona ' || n, timestamptz '2026-01-01' + n * interval '1 minute'
      from wanted order by n`

/** Whose conversations there are, numbered for each owner, and the owners: the first user, and the others. */
const places = `
  drop table if exists bench_places, bench_owners;
  create temporary table bench_places as
    select id, user_id, session_id, row_number() over (partition by user_id order by created_at, id) - 1 as place
      from public.conversations_new;
  create temporary table bench_owners as
    select o.*, row_number() over (partition by is_first order by user_id) - 1 as n, count(*) over (partition by is_first) as owners
      from (
        select p.user_id, s.phone = '34600000000' as is_first, count(*) as places
          from bench_places p join public.whatsapp_sessions s on s.id = p.session_id group by p.user_id, s.phone) o;
  analyze bench_places, bench_owners`

/**
 * Every user's messages over their conversations: a few have many, one has $2 of all. 'mensaje' is in half of the messages, 'quorum'
 * in a thousand of the first user's, the other rare words in fewer; 'veterano' in all of the oldest fifth and nowhere else.
 */
const messages = `
  with wanted as (
    select n, n % 2 = 0 as is_first, n / 2 as k, random() as luck, random() as pick, random() as words
      from generate_series((select count(*) from public.messages_new) + 1, $1::bigint) n),
  placed as materialized (
    select w.*, o.user_id, case when w.luck < $2 then 0 else floor(power(w.pick, 2) * o.places)::bigint end as place
      from wanted w join bench_owners o on o.is_first = w.is_first and o.n = w.k % o.owners)
  insert into public.messages_new (
      conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at)
    select c.id, c.user_id, c.session_id, 'user', 'text',
        case when w.n % 4 < 2 then 'Este mensaje dice que ' else 'Hola, ' end
          || (array['nos vemos', 'llegamos', 'salimos', 'comemos', 'hablamos', 'quedamos'])[1 + (w.words * 1e6)::bigint % 6]
          || ' mañana a las ' || 1 + (w.words * 1e7)::bigint % 12 || ' en la '
          || (array['estación', 'oficina', 'plaza', 'cafetería', 'playa', 'biblioteca'])[1 + (w.words * 1e5)::bigint % 6]
          || ' con ' || (array['Ana', 'Luis', 'María', 'Javier', 'Lucía', 'Pablo'])[1 + (w.words * 1e4)::bigint % 6]
          || ' número ' || w.n
          || case when w.n % 2000 = 0 then ' quorum' when w.n % 20000 = 2 then ' zafiro' when w.n % 200000 = 4 then ' nenufar'
              when w.n % 400000 = 6 then ' jilguero' else '' end
          || case when w.n <= $1::bigint / 5 then ' veterano' else '' end,
        w.n % 3 = 0, case when w.n % 3 = 0 then 'read' else 'received' end, '3EB0' || w.n,
        timestamptz '2026-01-01' + floor(w.n * 10 + w.luck * 5) * interval '1 second'
      from placed w join bench_places c on c.user_id = w.user_id and c.place = w.place`

const searchRows = `
  insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
    select m.id, m.user_id, m.conversation_id, m.created_at, m.ordinal, m.message_type,
        private.search_document(m.user_id, m.conversation_id, m.message_type, m.text_content, m.created_at)
      from public.messages_new m
      where m.ordinal > (select coalesce(max(ordinal), 0) from private.message_search)`

const lastMessages = `
  update public.conversations_new c set
      last_message_at = m.created_at, last_message_id = m.id, last_message_ordinal = m.ordinal,
      last_message_text = left(m.text_content, 200), last_message_type = m.message_type, last_message_from_me = m.from_me
    from (
      select distinct on (conversation_id) * from public.messages_new order by conversation_id, created_at desc, ordinal desc) m
    where m.conversation_id = c.id`
