import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { startGateway, type Gateway, type LinkedPhone } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const plan = { conversations: 5, messages: 60, chunk: 60, delivery: 'external', seed: 'trouble' }

let gateway: Gateway
let linked = 0

beforeAll(async () => {
  gateway = await startGateway()
})
beforeEach(() => gateway.control.request('DELETE', '/faults'))
afterAll(() => gateway[Symbol.asyncDispose]())

/** Links a phone whose first file has this trouble. */
async function link(fault: object): Promise<LinkedPhone> {
  const number = `3460000003${(linked += 1)}`
  await gateway.control.post('/faults', fault)
  const member = await gateway.createMember()
  return gateway.linkPhone(member, { number, lid: `20000000000003${linked}`, generate: plan } as never)
}

async function whole({ sessionId }: LinkedPhone): Promise<object[]> {
  await gateway.database.until(
    `select 1 from public.whatsapp_sessions where id = $1 and sync_status = 'complete' and sync_messages = $2`,
    [sessionId, plan.messages],
    (rows) => rows.length > 0,
  )
  return gateway.database.query(
    `select status, count(*)::integer from private.history_chunks where session_id = $1 group by 1`,
    [sessionId],
  )
}

async function troubles(sessionId: string): Promise<string[]> {
  const rows = await gateway.database.query<{ code: string }>(
    `select data ->> 'error_code' as code from public.session_events
       where session_id = $1 and type = 'history.status' and data ? 'error_code' order by seq`,
    [sessionId],
  )
  return rows.map((row) => row.code)
}

test('a file that does not come is tried again, and nothing is missing', async () => {
  const phone = await link({ fault: 'refuse_downloads', times: 1 })
  expect(await whole(phone)).toHaveLength(1)
  expect(await gateway.database.query('select max(attempts)::integer as tries from private.history_chunks')).toEqual([
    { tries: 1 },
  ])
})

test('a file that WhatsApp no longer has, or that is damaged, the phone sends again', async () => {
  for (const fault of [
    { fault: 'refuse_downloads', times: 1, status: 404 },
    { fault: 'damage_downloads', times: 1 },
  ]) {
    const phone = await link(fault)
    expect(await whole(phone)).toMatchObject([{ status: 'stored' }])
  }
  const { counters } = await gateway.control.get<{ counters: Record<string, number> }>('/state')
  expect(counters['history_chunks_sent_again']).toBe(2)
})

test('a file that never comes is counted and said once; the rest is there, and the session works', async () => {
  // As after the last of the tries, which take twenty minutes.
  await gateway.database.query(
    `create function private.tired_for_test() returns trigger language plpgsql as $$
       begin new.attempts := 6; return new; end $$;
     create trigger tired_for_test before insert on private.history_chunks
       for each row execute function private.tired_for_test()`,
  )
  const number = '34600000039'
  const member = await gateway.createMember()
  await gateway.control.post('/phones', { number, contacts: [], history: [], generate: { ...plan, chunk: 20 } })
  await gateway.control.post('/faults', { fault: 'refuse_downloads', times: 1 })
  const client = await gateway.join(member)
  client.emit('get-qr', {})
  await gateway.control.post(`/phones/${number}/scan`, { image: await client.next<string>('qr-code') })
  const { sessionId } = await client.next<{ sessionId: string }>('session-ready')
  const [session] = await gateway.database.until<Record<string, unknown>>(
    `select sync_status, sync_progress, sync_chunks - sync_chunks_stored as missing, sync_chunks_failed
       from public.whatsapp_sessions where id = $1 and sync_status = 'incomplete'`,
    [sessionId],
    (rows) => rows.length > 0,
  )
  expect(session).toEqual({ sync_status: 'incomplete', sync_progress: 100, missing: 1, sync_chunks_failed: 1 })
  expect(await troubles(sessionId)).toEqual(['history_unavailable'])
  expect(await gateway.rest(member, 'GET', 'session')).toMatchObject({
    body: { session: { status: 'connected', sync_status: 'incomplete', sync_chunks_failed: 1 } },
  })
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
  expect(gateway.logs.filter((line) => line.includes('"level":50'))).toEqual([])
})
