import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPeople, type People, type Person } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

/** Somebody with at least one row in every table that can hold one of theirs. */
async function fullPerson(): Promise<Person> {
  const person = await people.person()
  const { id, session } = person
  const conversation = await people.conversation(person, { name: 'Ana' })
  const group = await people.conversation(person, { name: 'Grupo', group: true })
  for (let n = 0; n < 5; n++) await people.message(person, conversation, { text: `hola ${n}` })
  const sent = await people.message(person, group, { text: 'hola', fromMe: true })
  await people.as(id, `select public.submit_message($1, 'hola', 'k')`, [conversation])
  await people.query(`insert into public.personalities (user_id, name) values ($1, 'Amable')`, [id])
  await people.query('insert into public.groups (conversation_id, user_id) values ($1, $2)', [group, id])
  await people.query(`insert into public.group_participants (conversation_id, jid, user_id) values ($1, '1@lid', $2)`, [
    group,
    id,
  ])
  await people.query(
    `insert into public.message_receipts (message_id, participant_jid, user_id, status) values ($1, '1@lid', $2, 'read')`,
    [sent, id],
  )
  await people.query(
    `insert into private.calls (session_id, call_id, user_id, creator_jid, video, at) values ($1, 'c', $2, '1@lid', false, now())`,
    [session, id],
  )
  await people.query(`insert into private.message_protos (message_id, user_id, proto) values ($1, $2, 'x')`, [sent, id])
  await people.query('insert into private.media_sends (message_id, user_id) values ($1, $2)', [sent, id])
  await people.query('insert into private.media_removals (path, user_id, session_id) values ($1, $2, $3)', [
    `${id}/in/x`,
    id,
    session,
  ])
  await people.query('insert into private.media_downloads (message_id, user_id, session_id) values ($1, $2, $3)', [
    sent,
    id,
    session,
  ])
  await people.query(
    'insert into private.conversation_merges (old_id, conversation_id, user_id) values (gen_random_uuid(), $1, $2)',
    [conversation, id],
  )
  await people.query(
    `insert into private.contact_merges (old_id, contact_id, user_id)
       select gen_random_uuid(), id, user_id from public.contacts where user_id = $1 limit 1`,
    [id],
  )
  await people.query(
    'insert into private.profile_pictures (conversation_id, user_id, session_id) values ($1, $2, $3)',
    [conversation, id, session],
  )
  await people.host.query('select private.acquire_lease($1, gen_random_uuid(), 60)', [session])
  await people.query(`insert into private.linking_attempts (session_id) values ($1)`, [session])
  await people.query(`insert into private.whatsapp_credentials (session_id, ciphertext) values ($1, 'x')`, [session])
  await people.query(
    `insert into private.whatsapp_keys (session_id, type, id, ciphertext) values ($1, 't', 'i', 'x')`,
    [session],
  )
  await people.query(
    `insert into private.early_receipts (session_id, chat_jid, wa_id, status) values ($1, '1@lid', 'w', 'read')`,
    [session],
  )
  await people.query(
    `insert into private.early_states (session_id, chat_jid, kind, state) values ($1, '1@lid', 'pin', '{}')`,
    [session],
  )
  await people.query(
    `insert into private.early_changes (session_id, chat_jid, wa_id, from_me, change, digest)
       values ($1, '1@lid', 'w', true, '{}', 'd')`,
    [session],
  )
  await people.query(`insert into private.inbox (session_id, id, stanza_key, ciphertext) values ($1, 'i', 's', 'x')`, [
    session,
  ])
  await people.query(
    `insert into private.rate_buckets (session_id, kind, tokens, at) values ($1, 'set_presence', 1, now())`,
    [session],
  )
  await people.query(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice)
       values ($1, $2, repeat('0', 64), 'w', 'recent', 'x')`,
    [session, id],
  )
  await people.query(
    `insert into private.quarantined_messages (session_id, id, stanza_key, ciphertext, stage, error, received_at)
       values ($1, repeat('1', 64), repeat('1', 64), 'x', 'read', 'Error', now())`,
    [session],
  )
  await people.query(
    `insert into private.socket_connections (id, user_id, holder, expires_at) values ($1, $2, gen_random_uuid(), now())`,
    [`socket of ${id}`, id],
  )
  return person
}

const rowsOf = async (person: Person) =>
  (await people.query<{ it: Record<string, number> }>('select private.count_rows_of($1) as it', [person.id]))[0]?.it

interface Erasure {
  done: boolean
  removed: Record<string, number>
  media: { command: string; prefix: string }
}
const erase = async (person: Person, limit: number) =>
  (await people.as<{ it: Erasure }>(null, 'select public.erase_user($1, $2) as it', [person.id, limit]))[0]?.it

test('the person of these tests has a row in every table that names an owner or a session', async () => {
  const tables = await people.query<{ it: string }>(
    `select distinct table_schema || '.' || table_name as it from information_schema.columns
       join information_schema.tables using (table_schema, table_name)
       where table_schema in ('public', 'private') and column_name in ('user_id', 'session_id') and table_type = 'BASE TABLE'
         and table_name <> 'erasures' order by 1`,
  )
  expect(Object.keys((await rowsOf(await fullPerson())) ?? {}).toSorted()).toEqual(
    tables.map(({ it }) => it).toSorted(),
  )
})

test('erasure takes everything of one user, reports what, and leaves everybody else’s as it was', async () => {
  const [person, other] = [await fullPerson(), await fullPerson()]
  const [before, others] = [await rowsOf(person), await rowsOf(other)]
  const rounds = []
  for (let round = 0; round < 10 && rounds.at(-1)?.done !== true; round++) rounds.push(await erase(person, 3))
  expect(rounds.map((round) => round?.done)).toEqual([false, false, true])
  expect(rounds.at(-1)).toMatchObject({ media: { command: 'erase_media', prefix: `${person.id}/` } })
  // The index of searches and the kept originals go with the messages, and are no rows of their own to report.
  const {
    'private.message_search': _,
    'private.message_protos': __,
    'private.media_downloads': ___,
    'private.media_sends': ____,
    ...counted
  } = before ?? {}
  expect(rounds.at(-1)?.removed).toEqual(counted)
  expect(await rowsOf(person)).toEqual({})
  expect(await rowsOf(other)).toEqual(others)
  expect(await people.query('select from auth.users where id = $1', [person.id])).toHaveLength(1)
})

test('from the first round on no host writes for the user', async () => {
  const person = await fullPerson()
  const holder = '00000000-0000-4000-8000-00000000000b'
  await people.query('update private.session_leases set holder = $2 where session_id = $1', [person.session, holder])
  const assert = () => people.host.query('select private.assert_lease($1, $2, 1)', [person.session, holder])
  await assert()
  expect(await erase(person, 1)).toMatchObject({ done: false })
  await expect(assert()).rejects.toMatchObject({ hint: 'lease_lost' })
  expect(
    await people.query(`select from public.whatsapp_sessions where user_id = $1 and desired = 'running'`, [person.id]),
  ).toEqual([])
})

test('a host is told to delete the storage objects, once at a time, until it says that none are left', async () => {
  await people.query('delete from private.erasures')
  const person = await fullPerson()
  const claim = async () => (await people.host.query('select * from private.claim_media_erasures()')).rows
  await erase(person, 1)
  expect(await claim()).toEqual([])
  await erase(person, 1000)
  const [command, ...more] = await claim()
  expect([command, more]).toEqual([{ id: expect.any(String), user_id: person.id, media_prefix: `${person.id}/` }, []])
  expect(await claim()).toEqual([])
  await people.host.query('select private.finish_media_erasure($1, 7, false)', [command.id])
  await people.query('update private.erasures set next_attempt_at = now()')
  expect(await claim()).toEqual([command])
  await people.host.query('select private.finish_media_erasure($1, 3, true)', [command.id])
  expect(await claim()).toEqual([])
  expect(await people.query('select status, media_removed from private.erasures')).toEqual([
    { status: 'done', media_removed: 10 },
  ])
})

test('deleting the account in Auth takes all of its rows, too', async () => {
  const person = await fullPerson()
  await people.query('delete from auth.users where id = $1', [person.id])
  expect(await rowsOf(person)).toEqual({})
  expect(await people.query('select from private.message_search where user_id = $1', [person.id])).toEqual([])
})

type Page = { table: string; rows: Record<string, unknown>[]; next: unknown }

/** All pages of an export, by table. */
async function exportOf(
  read: (cursor: unknown) => Promise<Page | undefined>,
): Promise<Record<string, Record<string, unknown>[]>> {
  const tables: Record<string, Record<string, unknown>[]> = {}
  let cursor: unknown = null
  do {
    const page: Page | undefined = await read(cursor)
    if (!page) throw new Error('no page')
    tables[page.table] = [...(tables[page.table] ?? []), ...page.rows]
    cursor = page.next
  } while (cursor !== null)
  return tables
}
const exportMine = (person: Person, limit: number) =>
  exportOf(
    async (cursor) =>
      (
        await people.as<{ it: Page }>(person.id, 'select public.export_my_data($1, $2) as it', [
          cursor === null ? null : JSON.stringify(cursor),
          limit,
        ])
      )[0]?.it,
  )

test('an export holds every row of one user once, whatever the page size, and no secret', async () => {
  const person = await fullPerson()
  await fullPerson()
  const whole = await exportMine(person, 1000)
  expect(await exportMine(person, 1)).toEqual(whole)
  const secret = [
    'private.whatsapp_credentials',
    'private.whatsapp_keys',
    'private.inbox',
    'private.linking_attempts',
    'private.history_chunks',
    'private.quarantined_messages',
    'private.message_protos',
  ]
  const passing = [
    'private.early_changes',
    'private.early_receipts',
    'private.early_states',
    'private.media_downloads',
    'private.calls',
    'private.session_broadcasts',
    'private.media_sends',
    'private.media_removals',
    'private.profile_pictures',
    'private.rate_buckets',
    'private.session_leases',
    'private.session_streams',
    'private.socket_connections',
    'private.message_search',
  ]
  const expected = Object.entries((await rowsOf(person)) ?? {}).filter(
    ([table]) => ![...secret, ...passing].includes(table),
  )
  const counted = Object.entries(whole).map(([table, rows]): [string, number] => [table, rows.length])
  expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected))
  for (const rows of Object.values(whole)) for (const row of rows) expect(row['user_id']).toBe(person.id)
  const asAdministrator = await exportOf(
    async (cursor) =>
      (
        await people.as<{ it: Page }>(null, 'select public.export_user($1, $2) as it', [
          person.id,
          cursor === null ? null : JSON.stringify(cursor),
        ])
      )[0]?.it,
  )
  expect(asAdministrator).toEqual(whole)
})

test('only administrators erase and export others, and a made-up cursor is refused', async () => {
  const [person, other] = [await people.person(), await people.person()]
  for (const call of ['erase_user($1)', 'export_user($1)'])
    expect(await people.failureOf(person.id, `select public.${call}`, [other.id])).toBe('42501')
  for (const cursor of ['["auth.users", null, null]', '{}', '["public.contacts", "x", "y"]', '7'])
    expect(await people.failureOf(person.id, 'select public.export_my_data($1)', [cursor])).toBe('invalid_cursor')
})
