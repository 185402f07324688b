import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { disconnects, suspectAfter } from '../whatsapp/disconnect.ts'
import { ana, bea, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  gateway = await startGateway({ timing: { openTimeoutMs: 5_000, pingAfterMs: 400, pongWithinMs: 1_000 } })
  member = await gateway.createMember()
  await recordStates()
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  await gateway.control.request('DELETE', '/faults')
  await row('connected')
})

async function row(status: string, reason?: string): Promise<Record<string, unknown>> {
  const [found] = await gateway.database.until<Record<string, unknown>>(
    `select status, status_reason, desired, retry_count, retry_at, restriction, restricted_until
       from public.whatsapp_sessions where id = $1`,
    [linked.sessionId],
    ([each]) => each?.['status'] === status && (reason === undefined || each['status_reason'] === reason),
  )
  return found ?? {}
}

/** Writes down every state that a session is ever in. */
async function recordStates(): Promise<void> {
  await gateway.database.query(
    `create table private.states_for_test (n bigint generated always as identity, session_id uuid, state text);
     create function private.record_state_for_test() returns trigger language plpgsql security definer as $$ begin
       insert into private.states_for_test (session_id, state) values (new.id, concat_ws(' ', new.status, new.status_reason));
       return null;
     end $$;
     create trigger record_state_for_test after insert or update on public.whatsapp_sessions
       for each row execute function private.record_state_for_test()`,
  )
}

/** The statuses since an event number, as `status reason`. */
async function statuses(after: number): Promise<string[]> {
  const rows = await gateway.database.query<{ told: string }>(
    `select concat_ws(' ', data ->> 'status', data ->> 'reason') as told from public.session_events
       where session_id = $1 and type = 'session.status' and seq > $2 order by seq`,
    [linked.sessionId, after],
  )
  return rows.map((each) => each.told)
}

async function seq(): Promise<number> {
  const [found] = await gateway.database.query<{ seq: string }>(
    'select last_seq as seq from private.session_streams where session_id = $1',
    [linked.sessionId],
  )
  return Number(found?.seq)
}

async function told(after: number, what: string): Promise<void> {
  await gateway.database.until<{ told: string }>(
    `select concat_ws(' ', data ->> 'status', data ->> 'reason') as told from public.session_events
       where session_id = $1 and type = 'session.status' and seq > $2`,
    [linked.sessionId, after],
    (rows) => rows.some((each) => each.told === what),
  )
}

async function hasCredentials(): Promise<boolean> {
  return (await gateway.database.query('select 1 from private.whatsapp_credentials')).length > 0
}

async function reconnectByHand(): Promise<void> {
  await using client = await gateway.join(member)
  client.emit('get-qr', {})
  await row('connected')
}

const drop = (how: object) => gateway.control.post(`/phones/${ana.number}/drop`, how)
const refuseLogin = (reason: number, times = 1) =>
  gateway.control.post(`/phones/${ana.number}/login_failure`, { reason, times })

describe.each(Object.entries(disconnects).filter(([, { action }]) => action === 'reconnect'))(
  '%s, which passes',
  (code, { reason }) => {
    test('as a refused login is tried again by itself, with the credentials, and its reason is told', async () => {
      const before = await seq()
      await refuseLogin(Number(code))
      await drop({ how: 'dirty' })
      if (Number(code) !== 515) await told(before, `reconnecting ${reason}`)
      await told(before, 'connected')
      expect(await hasCredentials()).toBe(true)
    })
  },
)

test.for([
  [402, 'temporarily_banned'],
  [403, 'forbidden'],
  [406, 'forbidden'],
] as const)('a login refused with %i stops as %s, keeps the credentials and alerts', async ([code, reason]) => {
  await using client = await gateway.join(member)
  const logged = gateway.logs.length
  await refuseLogin(code)
  await drop({ how: 'dirty' })
  expect(await client.next('session-closed')).toMatchObject({ reason })
  expect(await row('stopped', reason)).toMatchObject({ desired: 'stopped' })
  expect(await hasCredentials()).toBe(true)
  expect(gateway.logs.slice(logged).some((line) => line.includes('"alert":true') && line.includes(reason))).toBe(true)
  expect(await gateway.rest(member, 'GET', 'session', undefined, { 'accept-language': 'en' })).toMatchObject({
    body: { session: { status: 'stopped', reason, message: expect.stringContaining('WhatsApp') } },
  })
  await reconnectByHand()
})

test('411 stops and says to update the phone', async () => {
  await drop({ how: 'downgrade' })
  await row('stopped', 'device_refused')
  expect(await hasCredentials()).toBe(true)
  await reconnectByHand()
})

test('440 stops without a fight', async () => {
  await drop({ code: 440 })
  expect(await row('stopped', 'replaced')).toMatchObject({ desired: 'stopped', retry_at: null })
  expect(await hasCredentials()).toBe(true)
  await reconnectByHand()
})

test.for([405, 409])('%i is answered with the version that WhatsApp offers, and connects', async (code) => {
  if (code === 405)
    await gateway.control.post('/faults', { fault: 'outdated_client', revision: 1_100_000_000, number: '*' })
  else {
    await gateway.control.post('/faults', { fault: 'outdated_client', revision: 1, offered: 1_200_000_000 })
    await gateway.restartHost()
    await row('connected')
    await refuseLogin(409)
  }
  // The restart's own connection comes before.
  const before = await seq()
  await drop({ how: 'dirty' })
  await told(before, 'connected')
  const [kept] = await gateway.database.query<{ revision: string }>(
    'select client_revision as revision from public.whatsapp_sessions',
  )
  expect(Number(kept?.revision)).toBe(code === 405 ? 1_100_000_000 : 1_200_000_000)
  expect(await statuses(before)).not.toContain('stopped outdated_client')
})

test('when there is no newer version it stops, asks WhatsApp once, and keeps the credentials', async () => {
  await gateway.control.post('/faults', { fault: 'outdated_client', revision: 2_000_000_000, offered: 1_043_857_760 })
  await drop({ how: 'dirty' })
  await row('stopped', 'outdated_client')
  expect(await hasCredentials()).toBe(true)
  await gateway.control.request('DELETE', '/faults')
  await reconnectByHand()
})

test('500 again and again is suspected after a while, told, and never costs the credentials', async () => {
  const before = await seq()
  await refuseLogin(500, suspectAfter + 1)
  await drop({ how: 'dirty' })
  await told(before, 'reconnecting bad_session')
  await told(before, 'reconnecting credentials_suspect')
  await told(before, 'connected')
  expect(await hasCredentials()).toBe(true)
})

test.for([
  [401, 'endpoint_refused'],
  [403, 'endpoint_refused'],
  [429, 'rate_limited'],
  [502, 'server_unavailable'],
] as const)('HTTP %i on the upgrade says nothing of the account: %s, tried again at once', async ([status, reason]) => {
  const before = await seq()
  await gateway.control.post('/faults', { fault: 'refuse_upgrades', status, times: 2 })
  await drop({ how: 'dirty' })
  await told(before, `reconnecting ${reason}`)
  await told(before, 'connected')
  expect(await hasCredentials()).toBe(true)
})

test.for(['silence', 'half_open'])('%s is noticed by a ping within seconds, not by the keep-alive', async (fault) => {
  const before = await seq()
  const startedAt = performance.now()
  await gateway.control.post('/faults', { fault, number: ana.number })
  await told(before, 'reconnecting connection_lost')
  expect(performance.now() - startedAt).toBeLessThan(25_000)
  await told(before, 'connected')
})

test('a pause before the next attempt survives a restart of the host, and its count goes on', async () => {
  await refuseLogin(503, 1_000)
  await drop({ how: 'dirty' })
  await row('reconnecting', 'server_unavailable')
  await gateway.stopHost()
  await gateway.database.query(
    `update public.whatsapp_sessions set retry_count = 4, retry_at = now() + interval '2 seconds' where id = $1`,
    [linked.sessionId],
  )
  const [{ due } = { due: 0 }] = await gateway.database.query<{ due: number }>(
    'select extract(epoch from retry_at)::float8 as due from public.whatsapp_sessions where id = $1',
    [linked.sessionId],
  )
  await gateway.restartHost()
  const rows = await gateway.database.until<{ retry_count: number; at: number }>(
    `select retry_count, extract(epoch from clock_timestamp())::float8 as at from public.whatsapp_sessions where id = $1`,
    [linked.sessionId],
    ([each]) => (each?.retry_count ?? 0) > 4,
  )
  expect(rows[0]?.at).toBeGreaterThanOrEqual(due)
  await refuseLogin(503, 0)
  await row('connected')
})

test('401 forgets the credentials and the conversations stay', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post(`/phones/${ana.number}/unlink`)
  expect(await client.next('session-closed')).toMatchObject({ reason: 'logged_out' })
  await row('logged_out', 'logged_out')
  expect(await hasCredentials()).toBe(false)
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
})

test('every state that the session was in, was an event, in that order', async () => {
  const states = await gateway.database.query<{ state: string }>(
    'select state from private.states_for_test where session_id = $1 order by n',
    [linked.sessionId],
  )
  const changes = (all: string[]): string[] => all.filter((each, at) => each !== all[at - 1])
  // A session begins unlinked, and nobody has to be told.
  expect(['unlinked', ...changes(await statuses(0))]).toEqual(changes(states.map(({ state }) => state)))
  expect(states.length).toBeGreaterThan(30)
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
