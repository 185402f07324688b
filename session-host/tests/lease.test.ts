import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { emptyBatch } from '#shared/inbound.ts'
import { createCommandStore } from '../store/commands.ts'
import { createCredentialStore } from '../store/credentials.ts'
import { createDatabase, type Database } from '../store/database.ts'
import { isLeaseLost, type Lease } from '../store/fenced.ts'
import { createLeaseStore } from '../store/leases.ts'
import { createGroupCommit } from '../store/group-commit.ts'
import { createProjection } from '../store/projection.ts'
import { createSealedBox } from '../store/sealed-box.ts'
import { createSessionStore } from '../store/sessions.ts'
import { createDatabaseProxy } from './crash/database-proxy.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'
import { startHostProcess } from './start-host-process.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function holder(): Promise<string | undefined> {
  const [row] = await gateway.database.query<{ holder: string }>(
    'select holder from private.session_leases where session_id = $1 and expires_at > clock_timestamp()',
    [linked.sessionId],
  )
  return row?.holder
}

async function arrives(text: string): Promise<void> {
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    [text],
    (rows) => rows.length === 1,
  )
}

test('of two hosts on one database one runs the session; the other’s clients hear of it all the same', async () => {
  const before = await holder()
  await using second = await gateway.startHost()
  gateway.moveTo(`http://127.0.0.1:${second.port}`)
  const client = await gateway.join(member)
  await client.next('session-ready')
  gateway.moveTo(undefined)
  await arrives('para los dos')
  await client.next(
    'event',
    (event: { message?: { text_content: string } }) => event.message?.text_content === 'para los dos',
  )
  // A send through the host that does not hold the session, too.
  expect(
    await client.ask('send-message', { conversationId: `${bea.number}@s.whatsapp.net`, textContent: 'por el otro' }),
  ).toMatchObject({ ok: true })
  await client.next('message-sent')
  expect(await holder()).toBe(before)
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a session is taken over when its host stops, and when it dies', async () => {
  const before = await holder()
  await using second = await gateway.startHost()
  await gateway.stopHost()
  await gateway.database.until<{ holder: string }>(
    `select l.holder from private.session_leases l join public.whatsapp_sessions s on s.id = l.session_id
       where s.id = $1 and s.status = 'connected' and l.expires_at > clock_timestamp()`,
    [linked.sessionId],
    ([row]) => row !== undefined && row.holder !== before,
  )
  await arrives('tras el relevo')
  await second[Symbol.asyncDispose]()

  const doomed = await startHostProcess(gateway.environment)
  await gateway.database.until(
    'select 1 from private.session_leases where session_id = $1 and expires_at > clock_timestamp()',
    [linked.sessionId],
    (rows) => rows.length > 0,
  )
  const dead = await holder()
  await doomed.end()
  await gateway.restartHost()
  await arrives('tras la muerte')
  expect(await holder()).not.toBe(dead)
})

test('what a host writes with an epoch of the past is refused: projection, keys, commands, session', async () => {
  await using database = openDatabase()
  const [row] = await gateway.database.query<{ holder: string; epoch: string }>(
    'select holder, epoch from private.session_leases where session_id = $1',
    [linked.sessionId],
  )
  const current = {
    sessionId: linked.sessionId,
    userId: member.id,
    holder: row?.holder ?? '',
    epoch: Number(row?.epoch),
  }
  const box = createSealedBox([{ id: 'k', key: Buffer.alloc(32, 1) }])
  for (const stale of [
    { ...current, epoch: current.epoch - 1 },
    { ...current, holder: randomUUID() },
    { ...current, epoch: current.epoch + 1 },
  ]) {
    const commands = createCommandStore(database, stale)
    const sessions = createSessionStore(database, box, stale, 10)
    const attempts: [string, () => Promise<unknown>][] = [
      ['project', () => createProjection(database, stale).project({ ...emptyBatch(), ownName: 'Otra' })],
      ['open', () => createProjection(database, stale).openConversation('34600123123@s.whatsapp.net', undefined)],
      [
        'keys',
        () => createCredentialStore(database, box, stale).write({ keys: [], inbox: [], credentials: Buffer.from('x') }),
      ],
      ['claim', () => commands.claim(5)],
      ['acknowledge', () => createProjection(database, stale).project({ ...emptyBatch(), acks: ['3EB0'] })],
      [
        'acknowledge together',
        () =>
          createGroupCommit(database, { holder: stale.holder })
            .forLease(stale)
            .project({ ...emptyBatch(), acks: ['3EB0'] }),
      ],
      ['release', () => commands.releaseAll([])],
      ['status', () => sessions.setStatus({ status: 'stopped' })],
      ['qr', () => sessions.showQr({ dataUrl: 'data:image/png;base64,', expiresAt: new Date(), attempt: 1 })],
      ['wipe', () => sessions.wipe('logged_out')],
      ['link', () => sessions.completeLinking({ phone: '34600123123', lid: null, credentials: Buffer.from('x') })],
    ]
    for (const [name, attempt] of attempts)
      expect(isLeaseLost(await attempt().catch((error: unknown) => error)), name).toBe(true)
  }
  await arrives('nada ha cambiado')
})

test('a lease is one holder’s until it runs out, and every change of holder has a higher epoch', async () => {
  await using database = openDatabase()
  const other = await gateway.createMember()
  const [session] = await gateway.database.query<{ id: string; user_id: string }>(
    'insert into public.whatsapp_sessions (user_id) values ($1) returning id, user_id',
    [other.id],
  )
  if (!session) throw new Error('no session')
  const [one, two] = [randomUUID(), randomUUID()].map((id) => createLeaseStore(database, { holder: id, seconds: 60 }))
  if (!one || !two) throw new Error('no stores')
  const first = await one.acquire(session)
  expect(first?.epoch).toBe(1)
  expect(await two.acquire(session)).toBeNull()
  expect(await one.renew([first as Lease])).toEqual(new Set([session.id]))
  await one.release(first as Lease)
  const second = await two.acquire(session)
  expect(second?.epoch).toBe(2)
  expect(await one.renew([first as Lease])).toEqual(new Set())
  // A late release of the old holder takes nothing from the new one.
  await one.release(first as Lease)
  expect(await two.renew([second as Lease])).toEqual(new Set([session.id]))
})

test('the session of a user who is deleted ends, without a trace in the database or trouble for others', async () => {
  const leaving = await gateway.createMember()
  const eva = { number: '34600000009', lid: '200000000000009', name: 'Eva' }
  const theirs = await gateway.linkPhone(leaving, { ...eva, contacts: [bea] })
  // The cascade and a write of the session may wait for each other; Postgres then ends one of them, and who deletes tries again.
  const remove = (): Promise<unknown> => gateway.database.query('delete from auth.users where id = $1', [leaving.id])
  await remove().catch((error: unknown) => {
    if ((error as { code?: string }).code === '40P01') return remove()
    throw error
  })
  await gateway.control.until(async () => {
    const { devices } = await gateway.control.get<{ devices: { online: boolean }[] }>(`/phones/${eva.number}`)
    return devices.every((device) => !device.online) ? true : undefined
  })
  for (const table of [
    'public.whatsapp_sessions',
    'public.messages_new',
    'private.whatsapp_credentials',
    'private.whatsapp_keys',
    'private.session_leases',
  ])
    expect(
      await gateway.database.query(
        `select 1 from ${table} where ${table === 'public.whatsapp_sessions' ? 'id' : 'session_id'} = $1`,
        [theirs.sessionId],
      ),
      table,
    ).toEqual([])
  await arrives('los demás siguen')
})

test('a database that drops every connection costs neither the process nor a message', async () => {
  const client = await gateway.join(member)
  for (let round = 0; round < 5; round += 1) {
    await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: `apagón ${round}` })
    client.emit('send-message', {
      conversationId: `${bea.number}@s.whatsapp.net`,
      textContent: `respuesta ${round}`,
      idempotencyKey: `apagón ${round}`,
    })
    await gateway.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'session-host' and datname = current_database()`,
    )
  }
  await gateway.database.until(
    `select text_content from public.messages_new where text_content like 'apagón%' order by created_at, ordinal`,
    [],
    (rows) => rows.length === 5,
  )
  await gateway.database.until(
    `select 1 from public.messages_new where text_content like 'respuesta%' and status = 'pending'`,
    [],
    (rows) => rows.length === 0,
  )
  await arrives('luz de nuevo')
  expect(gateway.logs.join('')).toContain('database connection lost')
})

test('a database that says nothing is given up, and what is asked for next goes over another connection', async () => {
  await using proxy = await createDatabaseProxy(gateway.stack.databaseUrl)
  await using database = createDatabase({
    url: proxy.url,
    maxConnections: 2,
    statementSeconds: 1,
    onError: () => undefined,
  })
  await Promise.all([database.query('select pg_sleep(0.1)'), database.query('select pg_sleep(0.1)')])
  const unanswered = await Promise.allSettled([
    database.query('select 1'),
    database.transaction(async (transaction) => {
      await transaction.query('select 1')
      proxy.clog()
      await transaction.query('select 2')
    }),
    database.transaction(async (transaction) => transaction.query('select 3')),
  ])
  expect(unanswered.map(({ status }) => status)).toContain('rejected')
  proxy.open()
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
})

test('what was claimed by a claim whose answer was lost is carried out all the same', async () => {
  await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${bea.number}` })
  await gateway.database.query(
    `do $$
       declare
         v_session uuid := '${linked.sessionId}';
       begin
         perform set_config('request.jwt.claims', '{"sub": "${member.id}", "role": "authenticated"}', true);
         perform private.submit_message('${jidOf(bea)}', 'sin nadie', null, null, 'user');
         update private.session_commands c set status = 'claimed', claimed_epoch = l.epoch, attempts = 1
           from private.session_leases l
           where c.session_id = v_session and l.session_id = v_session and c.status = 'queued';
       end
     $$`,
  )
  const [row] = await gateway.database.until<{ status: string }>(
    `select status from public.messages_new where text_content = 'sin nadie'`,
    [],
    ([found]) => found !== undefined && found.status !== 'pending',
  )
  expect(row?.status).not.toBe('failed')
})

test('a command that was submitted while nobody listened is carried out when the host listens again', async () => {
  const [conversation] = await gateway.database.query<{ id: string }>(
    'select id from public.conversations_new where user_id = $1',
    [member.id],
  )
  // The listening connections only: the session and its connection to WhatsApp go on.
  await gateway.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'session-host' and datname = current_database() and query like 'listen%'`,
  )
  const { body } = await gateway.rest(member, 'POST', 'send_message', {
    conversationId: conversation?.id ?? '',
    textContent: 'sin aviso',
  })
  await gateway.database.until(
    'select status from public.messages_new where id = $1',
    [(body['message'] as { id: string }).id],
    ([row]) => row?.['status'] === 'delivered',
  )
  expect(await gateway.messagesOf(bea.number, ana.number)).toContainEqual(
    expect.objectContaining({ text: 'sin aviso' }),
  )
})

function openDatabase(): Database {
  return createDatabase({ url: gateway.stack.databaseUrl, maxConnections: 2, onError: () => undefined })
}
