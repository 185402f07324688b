import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startGateway, type Gateway, type Member } from './start-gateway.ts'
import { startHostProcess } from './start-host-process.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 })

const number = '34600000021'
const plan = { conversations: 60, messages: 2_400, chunk: 800, delivery: 'external', on_demand: 4, seed: 'import' }

let gateway: Gateway
let member: Member

beforeAll(async () => {
  gateway = await startGateway({ host: false })
  member = await gateway.createMember()
  await gateway.control.post('/phones', { number, name: 'Tienda', contacts: [], history: [], generate: plan })
  await gateway.control.post('/phones', { number: '34600000022', name: 'Otra', contacts: [], history: [] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** The nth slice that is stored from now on stays open, just before its commit. */
async function stopAt(nth: number): Promise<void> {
  await gateway.database.query(
    `create sequence if not exists private.slices_for_test;
     grant usage on sequence private.slices_for_test to session_host;
     alter sequence private.slices_for_test restart;
     create or replace function private.stop_for_test() returns trigger language plpgsql as $$
     begin
       if nextval('private.slices_for_test') = ${nth} then perform pg_sleep(300); end if;
       return new;
     end $$;
     create or replace trigger stop_for_test before update of position on private.history_chunks
       for each row execute function private.stop_for_test()`,
  )
}

async function stopped(): Promise<void> {
  await gateway.database.until(
    `select 1 from pg_stat_activity where wait_event = 'PgSleep' and query like '%history_chunks%'`,
    [],
    (rows) => rows.length > 0,
  )
}

/** What a dead host's connection left open, and its lease, last until the server notices; not here. */
async function buryHost(): Promise<void> {
  await gateway.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and query like '%history_chunks%'`,
  )
  await gateway.database.query('update private.session_leases set expires_at = now()')
}

/** As the simulator makes it of what comes unasked. */
async function digest(): Promise<{ messages: number; sha256: string }> {
  const rows = await gateway.database.query<{ line: string }>(
    `select split_part(i.jid, '@', 1) || ' ' || m.wa_id || ' ' || case when m.from_me then 1 else 0 end || ' '
         || extract(epoch from m.created_at)::bigint || ' ' || m.text_content || E'\\n' as line
       from public.messages_new m
       join public.conversations_new c on c.id = m.conversation_id
       join public.contact_identities i on i.contact_id = c.contact_id and i.kind = 'lid'
       where m.text_content not like 'en vivo%'`,
  )
  const hash = createHash('sha256')
  // oxlint-disable-next-line require-array-sort-compare -- code units are the order that the simulator sorts by
  for (const line of rows.map((row) => row.line).toSorted()) hash.update(line)
  return { messages: rows.length, sha256: hash.digest('hex') }
}

async function complete(messages: number): Promise<void> {
  await gateway.database.until(
    `select 1 from public.whatsapp_sessions where sync_status = 'complete' and sync_messages >= $1`,
    [messages],
    (rows) => rows.length > 0,
  )
}

test('killed in the middle of an import, again and again, it goes on where it was and ends with the same rows', async () => {
  await stopAt(2)
  const first = await startHostProcess(gateway.environment)
  gateway.moveTo(first.url)
  const client = await gateway.join(member)
  client.emit('get-qr', {})
  await gateway.control.post(`/phones/${number}/scan`, { image: await client.next<string>('qr-code') })
  await client.next('session-ready')
  // It is there to be used long before its past is.
  await stopped()
  expect(await gateway.rest(member, 'GET', 'session')).toMatchObject({
    body: { session: { status: 'connected', sync_status: 'importing' } },
  })
  await gateway.control.post('/phones/34600000022/say', { to: number, text: 'en vivo 1' })
  await first.end()

  await buryHost()
  await stopAt(4)
  const second = await startHostProcess(gateway.environment)
  await stopped()
  await second.end()

  await buryHost()
  await gateway.database.query('drop trigger stop_for_test on private.history_chunks')
  await using third = await startHostProcess(gateway.environment)
  gateway.moveTo(third.url)
  const expected = await gateway.control.get<{ messages: number; sha256: string }>(`/phones/${number}/generated`)
  await complete(expected.messages)
  expect(await digest()).toEqual({ messages: expected.messages, sha256: expected.sha256 })
  await gateway.database.until(
    `select 1 from public.messages_new where text_content = 'en vivo 1'`,
    [],
    (rows) => rows.length === 1,
  )
  // Everything is found, also what a host had stored and not indexed when it was killed.
  expect(
    await gateway.database.query(
      `select count(*)::integer as missing from public.messages_new m
         where text_content <> '' and not exists (select from private.message_search s where s.message_id = m.id)`,
    ),
  ).toEqual([{ missing: 0 }])
  // One conversation a person, with the count of the phone, and nothing left to fetch.
  expect(
    await gateway.database.query(
      `select count(*)::integer as chats, sum(unread_count)::integer as unread from public.conversations_new
         where contact_name not like 'Otra%'`,
    ),
  ).toEqual([{ chats: plan.conversations, unread: 60 }])
  expect(
    await gateway.database.query(
      `select status, notice is null as forgotten from private.history_chunks group by 1, 2`,
    ),
  ).toEqual([{ status: 'stored', forgotten: true }])
  expect(
    await gateway.database.query(
      `select (select count(*) from private.history_chunks) = (
           select count(*) from public.session_events where type = 'history.imported') as an_event_a_chunk`,
    ),
  ).toEqual([{ an_event_a_chunk: true }])
  expect(await gateway.rest(member, 'GET', 'session')).toMatchObject({
    body: { session: { sync_status: 'complete', sync_progress: 100, sync_chunks_failed: 0 } },
  })

  const { conversations } = await gateway.control.get<{ conversations: { lid: string; number: string }[] }>(
    `/phones/${number}/generated/conversations`,
  )
  const [chat] = conversations
  if (!chat) throw new Error('a conversation is missing')
  await olderMessages(chat)
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})

/** What the phone keeps to itself comes when somebody asks for it, over REST or the socket. */
async function olderMessages(chat: { lid: string; number: string }): Promise<void> {
  const conversationId = `${chat.number}@s.whatsapp.net`
  const client = await gateway.join(member)
  const asked = await gateway.rest(member, 'POST', 'request_history', { conversationId, count: 3 })
  expect(asked).toMatchObject({ body: { success: true } })
  const imported = await client.next<{ type: string; data: Record<string, unknown> }>(
    'event',
    (event) => event.type === 'history.imported' && event.data['sync_type'] === 'on_demand',
  )
  expect(imported.data).toMatchObject({ messages: 3, conversation_id: expect.any(String) })
  expect(await client.ask('request-history', { conversationId, count: 50 })).toMatchObject({ ok: true })
  const rest = await client.next<{ type: string; data: Record<string, unknown> }>(
    'event',
    (event) => event.type === 'history.imported' && event.data['sync_type'] === 'on_demand',
  )
  expect(rest.data).toMatchObject({ messages: 1 })
  const { messages } = await gateway.control.get<{ messages: { id: string }[] }>(
    `/phones/${number}/generated/conversations/0`,
  )
  expect(
    await gateway.database.query(
      `select m.wa_id as id from public.messages_new m join public.contact_identities i on i.contact_id = (
           select c.contact_id from public.conversations_new c where c.id = m.conversation_id)
         where i.jid = $1 order by m.created_at, m.ordinal`,
      [`${chat.lid}@lid`],
    ),
  ).toEqual(messages.map(({ id }) => ({ id })))
}
