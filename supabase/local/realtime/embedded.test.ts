import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { cloneDatabase, createDatabaseTemplate, createTestStack, type SharedServer } from '../create-test-stack.ts'
import { connect } from '../postgres/bootstrap-database.ts'
import { databaseUrl } from '../postgres/create-postgres-server.ts'
import { migrate, readMigrations } from '../postgres/migrate.ts'
import type { ServedDatabase } from '../serve-database.ts'
import { listen } from './listen.fixture.ts'

// What only the stand-in does, or what can't be brought about on a real project.

let stack: ServedDatabase
let owner: Awaited<ReturnType<typeof connect>>
const clients: SupabaseClient[] = []
beforeAll(async () => {
  stack = await createTestStack()
  owner = await connect(stack.adminDatabaseUrl)
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.realtime.removeAllChannels()))
})
afterAll(async () => {
  await owner?.[Symbol.asyncDispose]()
  await stack?.[Symbol.asyncDispose]()
})

/** A client whose access token is whatever `holder.token` is. */
function clientOf(holder: { token: string }, on = stack): SupabaseClient {
  const client = createClient(on.url, on.publishableKey, { accessToken: async () => holder.token })
  clients.push(client)
  return client
}

async function newUser(on = stack): Promise<{ id: string; topic: string; token(expiresIn?: number): Promise<string> }> {
  const { id } = await on.createUser({ email: `${crypto.randomUUID()}@example.com`, password: 'a long password' })
  return { id, topic: `user:${id}`, token: (expiresIn = 3600) => on.mintToken({ sub: id }, { expiresIn }) }
}

async function send(topic: string, event = 'events', database = owner): Promise<void> {
  await database.client.query(`select realtime.send('{}', $1, $2)`, [event, topic])
}

test('a channel is closed when its token expires, and kept when the token was replaced in time', async () => {
  const user = await newUser()
  for (const lifetime of [2, 10, 50]) {
    const short = await user.token(lifetime)
    const [kept, lost] = [{ token: short }, { token: short }]
    const keeps = clientOf(kept)
    try {
      const keeper = await listen(keeps, user.topic, { private: true })
      kept.token = await user.token()
      await keeps.realtime.setAuth()
      const loser = await listen(clientOf(lost), user.topic, { private: true })
      expect(await loser.closed).toMatch(/^Token has expired \d+ seconds ago$/)
      await send(user.topic)
      expect(await keeper.next()).toMatchObject({ event: 'events' })
      return
    } catch (error) {
      // Too slow to join with a token of this lifetime: take a longer one.
      if (!(error instanceof Error) || !error.message.includes('Token has expired')) throw error
    }
  }
  throw new Error('no token lived long enough to join with')
}, 120_000)

test('tokens that are expired, foreign or unsigned let nobody join', async () => {
  const user = await newUser()
  const claims = { sub: user.id }
  const refused = [
    [await stack.mintToken(claims, { expiresIn: -60 }), /^InvalidJWTToken: Token has expired 6\d seconds ago$/],
    [await stack.mintToken(claims, { algorithm: 'foreign' }), /^JwtSignatureError: /],
    [await stack.mintToken(claims, { algorithm: 'HS256' }), /^(MalformedJWT|JwtSignatureError): /],
    [await stack.mintToken(claims, { algorithm: 'none' }), /^(MalformedJWT|JwtSignatureError): /],
    [await stack.mintToken({ ...claims, role: 'postgres' }), /^InvalidJWTToken: /],
  ] as const
  for (const [token, reason] of refused)
    await expect(listen(clientOf({ token }), user.topic, { private: true })).rejects.toThrow(reason)
})

test('policies decide who may send on a private topic, and what a policy refuses or fails on is not sent', async () => {
  await owner.client.query(`
    create policy "members can receive" on realtime.messages for select to authenticated
      using (realtime.topic() like 'room:%');
    create policy "one member can send" on realtime.messages for insert to authenticated
      with check (realtime.topic() = 'room:' || auth.uid());
    create policy "a broken one" on realtime.messages for select to authenticated
      using (realtime.topic() = 'broken' and 1 / length(realtime.topic()) > 1 / (length(realtime.topic()) - 6))`)
  const [ana, ben] = [await newUser(), await newUser()]
  const room = `room:${ana.id}`
  const config = { private: true, broadcast: { ack: true } }
  const speaker = await listen(clientOf({ token: await ana.token() }), room, config)
  const mute = await listen(clientOf({ token: await ben.token() }), room, config)
  const message = { type: 'broadcast', event: 'hello', payload: {} } as const
  expect(await mute.channel.send(message, { timeout: 1000 })).toBe('timed out')
  expect(await speaker.channel.send(message)).toBe('ok')
  await speaker.channel.httpSend('over http', {})
  expect([(await mute.next()).event, (await mute.next()).event]).toEqual(['hello', 'over http'])
  expect((await speaker.next()).event).toBe('over http')

  await expect(listen(clientOf({ token: await ana.token() }), 'broken', { private: true })).rejects.toThrow(
    'Unauthorized',
  )
  await owner.client.query(`
    drop policy "members can receive" on realtime.messages;
    drop policy "one member can send" on realtime.messages;
    drop policy "a broken one" on realtime.messages`)
})

test('rows that a trigger hands to broadcast_changes arrive as records', async () => {
  await owner.client.query(`
    create table public.changing (id int primary key, name text);
    create function public.tell() returns trigger language plpgsql as $$
      begin
        perform realtime.broadcast_changes('changes', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
        return null;
      end $$;
    create trigger tell after insert or update or delete on public.changing for each row execute function public.tell();
    create policy "all can receive changes" on realtime.messages for select to anon using (realtime.topic() = 'changes')`)
  const listener = await listen(clientOf({ token: stack.publishableKey }), 'changes', { private: true })
  await owner.client.query(`
    insert into public.changing values (1, 'one'); update public.changing set name = 'uno'; delete from public.changing`)
  const table = { table: 'changing', schema: 'public' }
  const [one, uno] = ['one', 'uno'].map((name) => ({ id: 1, name }))
  for (const [operation, record, oldRecord] of [
    ['INSERT', one, null],
    ['UPDATE', uno, one],
    ['DELETE', null, uno],
  ]) {
    const payload = { ...table, operation, record, old_record: oldRecord }
    expect(await listener.next()).toMatchObject({ event: operation, payload })
  }
  await owner.client.query(`
    drop policy "all can receive changes" on realtime.messages; drop table public.changing; drop function public.tell()`)
})

test('postgres_changes and replay are refused by name', async () => {
  const client = clientOf({ token: stack.publishableKey })
  const channel = client.channel('changes').on('postgres_changes', { event: '*', schema: 'public' }, () => {})
  const refusal = await new Promise<Error | undefined>((resolve) => channel.subscribe((_, error) => resolve(error)))
  expect(refusal?.message).toMatch(/^RealtimeDisabledForConfiguration: postgres_changes is not part of the embedded/)
  await expect(listen(client, 'again', { private: true, broadcast: { replay: { since: 0 } } })).rejects.toThrow(
    'UnableToReplayMessages: Replay is not part of the embedded Supabase.',
  )
})

test('clients join anew when the gateway has lost the database, and hear what comes then', async () => {
  const user = await newUser()
  const listener = await listen(clientOf({ token: await user.token() }), user.topic, { private: true })
  const rejoined = listener.rejoined()
  await owner.client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'realtime'`,
  )
  await rejoined
  await send(user.topic)
  expect(await listener.next()).toMatchObject({ event: 'events' })
})

test('no notification is sent while no client is connected', async () => {
  await using other = await createTestStack()
  await using database = await connect(other.adminDatabaseUrl)
  await database.client.query('listen realtime_messages')
  const heard = once(database.client, 'notification')
  await send('anything', 'events', database)
  await database.client.query(`notify realtime_messages, 'first'`)
  expect(await heard).toMatchObject([{ payload: 'first' }])
})

test('a stack ends with its clients’ connections', async () => {
  const other = await createTestStack()
  const user = await newUser(other)
  const client = clientOf({ token: await user.token() }, other)
  await listen(client, user.topic, { private: true })
  await other[Symbol.asyncDispose]()
  await expect.poll(() => client.realtime.isConnected()).toBe(false)
  await client.realtime.disconnect()
})

test.for([
  ['/realtime/v1/websocket?vsn=2.0.0', 401, 'API key is missing'],
  ['/realtime/v1/websocket?vsn=2.0.0&apikey=nonsense', 401, 'The API key provided is not valid'],
  ['/realtime/v1/websocket?vsn=1.0.0&apikey=KEY', 400, 'Only protocol 2.0.0 is spoken here: give vsn=2.0.0'],
  ['/realtime/v1/longpoll?vsn=2.0.0&apikey=KEY', 404, 'Not found'],
] as const)('%s is refused with %i', async ([path, status, error]) => {
  const asked = request(`${stack.url}${path.replace('KEY', stack.publishableKey)}`, {
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  expect([response.statusCode, await json(response)]).toEqual([status, { error }])
})

test('a client that speaks nonsense is disconnected, and nobody else', async () => {
  const user = await newUser()
  const listener = await listen(clientOf({ token: await user.token() }), user.topic, { private: true })
  const url = `${stack.url.replace('http', 'ws')}/realtime/v1/websocket?apikey=${stack.publishableKey}&vsn=2.0.0`
  const nonsense: (string | Uint8Array<ArrayBuffer>)[] = [
    '{',
    '[]',
    '[1,2,3,4,5]',
    new Uint8Array(3),
    new Uint8Array([3, 255, 255, 0, 0, 0, 1]),
  ]
  for (const data of nonsense) {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    socket.send(data)
    const [{ code }] = (await once(socket, 'close')) as [CloseEvent]
    expect(code).toBe(1007)
  }
  await send(user.topic)
  expect(await listener.next()).toMatchObject({ event: 'events' })
})

test('where Realtime fails or is missing events are appended all the same, and announced once it is back', async () => {
  await using other = await createTestStack()
  await using database = await connect(other.adminDatabaseUrl)
  await using host = await connect(other.databaseUrl)
  const user = await newUser(other)
  const { rows } = await database.client.query<{ id: string }>(
    'insert into public.whatsapp_sessions (user_id) values ($1) returning id',
    [user.id],
  )
  const append = async (): Promise<number> => {
    const events = JSON.stringify([{ type: 'message.created' }])
    const text = 'select private.append_events($1, $2, $3)::int as seq'
    return (await host.client.query<{ seq: number }>(text, [rows[0]?.id, user.id, events])).rows[0]?.seq ?? 0
  }
  const announce = () => host.client.query('select private.broadcast_events()')
  const { rows: definition } = await database.client.query<{ send: string }>(
    `select pg_get_functiondef('realtime.send(jsonb,text,text,boolean)'::regprocedure) as send`,
  )
  const listener = await listen(clientOf({ token: await user.token() }, other), user.topic, { private: true })
  expect(await append()).toBe(1)
  await database.client.query(`
    create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
      returns void language plpgsql as $$ begin raise exception 'broken'; end $$`)
  await announce()
  expect(await append()).toBe(2)
  await database.client.query('drop function realtime.send')
  await announce()
  expect(await append()).toBe(3)
  await database.client.query(definition[0]?.send ?? '')
  await announce()
  expect(await listener.next()).toMatchObject({ payload: { session_id: rows[0]?.id, seq_from: 1, seq_to: 3 } })
})

test('the migrations apply where there is no Realtime', async () => {
  const shared = inject('embeddedPostgres') as SharedServer | undefined
  if (!shared) throw new Error('this test needs the server of vitest-global-setup.ts')
  const empty = await createDatabaseTemplate(shared, false)
  await using clone = await cloneDatabase(empty)
  await using superuser = await connect(databaseUrl(shared.port, shared.secrets, 'supabase_admin', clone.database))
  await superuser.client.query('drop schema realtime cascade')
  await using database = await connect(databaseUrl(shared.port, shared.secrets, 'postgres', clone.database))
  const migrations = readMigrations(join(import.meta.dirname, '../../migrations'))
  expect((await migrate(database.client, migrations)).applied).toHaveLength(migrations.length)
})
