import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway({ environment: { WHATSAPP_SESSION_TIMEOUT: '2500', WHATSAPP_MAX_RETRIES: '1' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

test('a QR that nobody scans is tried again up to the bound, each one emitted anew, then the client is told', async () => {
  const member = await gateway.createMember()
  const client = await gateway.join(member)
  await client.ask('get-qr', {})
  const first = await client.next<string>('qr-code')
  const second = await client.next<string>('qr-code')
  expect(second).not.toBe(first)
  expect(await client.next('session-closed')).toMatchObject({ reason: 'link_expired' })
  const { body } = await gateway.rest(member, 'GET', 'session')
  expect(body['session']).toMatchObject({ status: 'unlinked' })
  expect(client.received.filter((each) => each.event === 'qr-code')).toHaveLength(2)
  expect(await gateway.database.query('select 1 from private.linking_attempts')).toEqual([])
  // And it may be asked for again.
  expect(await client.ask('get-qr', {})).toMatchObject({ ok: true, data: { status: 'linking' } })
  await client.next('qr-code')
  await gateway.rest(member, 'POST', 'logout')
})

test('logout while linking takes the QR away, and linking can start again', async () => {
  const member = await gateway.createMember()
  const client = await gateway.join(member)
  await client.ask('get-qr', {})
  await client.next('qr-code')
  expect(await gateway.rest(member, 'POST', 'logout')).toMatchObject({
    status: 200,
    body: { session: { status: 'unlinked' } },
  })
  expect(await client.next('session-closed')).toMatchObject({ reason: 'unlinked' })
  await gateway.database.until('select 1 from private.linking_attempts', [], (rows) => rows.length === 0)
  await client.ask('get-qr', {})
  await client.next('qr-code')
  await gateway.rest(member, 'POST', 'logout')
})

test('two clients of one user see the same QR, and a later one the one that is valid now', async () => {
  const member = await gateway.createMember()
  const [one, two] = [await gateway.join(member), await gateway.join(member)]
  await one.ask('get-qr', {})
  const qr = await one.next<string>('qr-code')
  await two.ask('get-qr', {})
  expect(await two.next('qr-code')).toBe(qr)
  expect(await gateway.rest(member, 'GET', 'qr')).toMatchObject({ body: { connected: false } })
  await gateway.rest(member, 'POST', 'logout')
})

test('the same number linked again keeps its session and history; another one begins a session of its own', async () => {
  const member = await gateway.createMember()
  const first = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'a la primera' })
  await gateway.database.until('select 1 from public.messages_new', [], (rows) => rows.length === 1)
  await gateway.rest(member, 'POST', 'logout')

  const again = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  expect(again.sessionId).toBe(first.sessionId)
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'a la segunda' })
  await gateway.database.until(
    'select distinct conversation_id from public.messages_new where text_content like $1',
    ['a la%'],
    (rows) => rows.length === 1,
  )
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    ['a la segunda'],
    (rows) => rows.length === 1,
  )
  await gateway.rest(member, 'POST', 'logout')

  const eva = { number: '34600000009', lid: '200000000000009', name: 'Eva' }
  const other = await gateway.linkPhone(member, { ...eva, contacts: [bea] })
  const sessions = await gateway.database.query(
    'select id, phone, is_default, status from public.whatsapp_sessions where user_id = $1 order by created_at',
    [member.id],
  )
  expect(sessions).toMatchObject([
    { id: first.sessionId, phone: ana.number, is_default: false, status: 'logged_out' },
    { phone: eva.number, is_default: true, status: 'connected' },
  ])
  // The number's own session goes on: what arrives is stored there, and the old conversation stays.
  await gateway.control.post(`/phones/${bea.number}/say`, { to: eva.number, text: 'hola Eva' })
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1 and session_id <> $2',
    ['hola Eva', first.sessionId],
    (rows) => rows.length === 1,
  )
  expect(other.sessionId).not.toBe('')
  const { body } = await gateway.rest(member, 'GET', 'get_conversations')
  expect(body['conversations']).toMatchObject([{ external_id: jidOf(bea), wa_user_id: eva.number }])
  expect(
    await gateway.database.query('select external_id from public.conversations_new where session_id = $1', [
      first.sessionId,
    ]),
  ).toEqual([{ external_id: jidOf(bea) }])
  await gateway.rest(member, 'POST', 'logout')

  const back = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'a la tercera' })
  const [row] = await gateway.database.until<{ session_id: string }>(
    'select session_id from public.messages_new where text_content = $1',
    ['a la tercera'],
    (rows) => rows.length === 1,
  )
  expect(row?.session_id).toBe(first.sessionId)
  expect(back.number).toBe(ana.number)
})

test('two users can link the same number’s contacts apart, each seeing their own', async () => {
  const member = await gateway.createMember()
  await gateway.linkPhone(member, { number: '34600000010', lid: '200000000000010', contacts: [bea] })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: '34600000010', text: 'solo para uno' })
  await gateway.database.until(
    'select 1 from public.messages_new where user_id = $1 and text_content = $2',
    [member.id, 'solo para uno'],
    (rows) => rows.length === 1,
  )
  const { body } = await gateway.rest(member, 'GET', 'get_conversations')
  expect(body['conversations']).toHaveLength(1)
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
