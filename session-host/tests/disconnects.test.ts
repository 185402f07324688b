import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
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
beforeEach(() => until('connected'))

async function until(status: string, reason?: string): Promise<void> {
  await gateway.database.until(
    'select status, status_reason from public.whatsapp_sessions where id = $1',
    [linked.sessionId],
    ([row]) => row?.['status'] === status && (reason === undefined || row['status_reason'] === reason),
  )
}

async function events(): Promise<string[]> {
  const rows = await gateway.database.query<{ status: string }>(
    `select data ->> 'status' as status from public.session_events
       where session_id = $1 and type = 'session.status' order by seq`,
    [linked.sessionId],
  )
  return rows.map((row) => row.status)
}

async function hasCredentials(): Promise<boolean> {
  return (await gateway.database.query('select 1 from private.whatsapp_credentials')).length > 0
}

async function arrives(text: string): Promise<void> {
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    [text],
    (rows) => rows.length === 1,
  )
}

test.for([
  ['a clean end', { how: 'clean' }],
  ['a lost wire', { how: 'dirty' }],
  ['503', { code: 503 }],
  ['500, which never costs the credentials,', { code: 500 }],
  ['a code that nobody knows', { code: 777 }],
  ['515', { code: 515 }],
] as const)('after %s it connects again by itself and misses nothing', async ([name, how]) => {
  await using client = await gateway.join(member)
  const before = (await events()).length
  await gateway.control.post(`/phones/${ana.number}/drop`, how)
  await gateway.database.until(
    `select 1 from public.session_events where session_id = $1 and type = 'session.status' and data ->> 'status' = 'connected'
       offset $2`,
    [linked.sessionId, (await events()).slice(0, before).filter((status) => status === 'connected').length],
    (rows) => rows.length > 0,
  )
  expect(await hasCredentials()).toBe(true)
  await arrives(`tras ${name}`)
  expect(client.received.map((each) => each.event)).not.toContain('session-closed')
})

test('a login that is refused for a while (503) is tried again', async () => {
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 503, times: 2 })
  await gateway.control.post(`/phones/${ana.number}/drop`, { how: 'dirty' })
  await until('reconnecting')
  await until('connected')
  await arrives('tras dos rechazos')
  expect(await hasCredentials()).toBe(true)
})

test('440 stops without a fight and keeps the credentials; get-qr connects again without a scan', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post(`/phones/${ana.number}/drop`, { code: 440 })
  expect(await client.next('session-closed')).toMatchObject({ reason: 'replaced', sessionId: linked.sessionId })
  await until('stopped', 'replaced')
  expect(await hasCredentials()).toBe(true)
  const { devices } = await gateway.control.get<{ devices: { online: boolean }[] }>(`/phones/${ana.number}`)
  expect(devices).toMatchObject([{ online: false }])
  expect(await client.ask('get-qr', {})).toMatchObject({ ok: true, data: { status: 'connecting' } })
  await client.next('session-ready')
  await arrives('tras 440')
})

test('403 at login stops, keeps the credentials, and the owner can still log out', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 403, times: 1 })
  await gateway.control.post(`/phones/${ana.number}/drop`, { how: 'dirty' })
  expect(await client.next('session-closed')).toMatchObject({ reason: 'forbidden' })
  await until('stopped', 'forbidden')
  expect(await hasCredentials()).toBe(true)
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 403, times: 1 })
  expect(await gateway.rest(member, 'POST', 'logout')).toMatchObject({ body: { session: { status: 'logged_out' } } })
  expect(await hasCredentials()).toBe(false)
  // The phone does not know of it and takes the device off itself.
  await gateway.control.post(`/phones/${ana.number}/unlink`)
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
})

test('when the phone unlinks it, the client is told, the credentials are wiped and the conversations stay', async () => {
  await arrives('antes de desvincular')
  await using client = await gateway.join(member)
  await gateway.control.post(`/phones/${ana.number}/unlink`)
  expect(await client.next('session-closed')).toMatchObject({ reason: 'logged_out' })
  await until('logged_out', 'logged_out')
  for (const table of ['whatsapp_credentials', 'whatsapp_keys', 'inbox'])
    expect(await gateway.database.query(`select 1 from private.${table}`)).toEqual([])
  const { body } = await gateway.rest(member, 'GET', 'get_conversations')
  expect(body['conversations']).toMatchObject([{ external_id: jidOf(bea) }])
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await arrives('vinculado de nuevo')
  const [sessions] = [await gateway.database.query('select id from public.whatsapp_sessions')]
  expect(sessions).toHaveLength(1)
})
