import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const format = /^[0-9A-Z]{4}-[0-9A-Z]{4}$/
interface Code {
  code: string
  expires_at: string
}

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const type = (number: string, code: string) =>
  gateway.control.request('POST', `/phones/${number}/link_code`, {
    type: 'application/json',
    body: JSON.stringify({ code }),
  })
const another = (code: string): string => (code.startsWith('A') ? `B${code.slice(1)}` : `A${code.slice(1)}`)
const attempts = () => gateway.database.query('select 1 from private.linking_attempts')

test('a code asked for over the socket links the phone that types it, after a mistyped one was refused there', async () => {
  const member = await gateway.createMember()
  await gateway.control.post('/phones', { ...ana, contacts: [bea], history: [] })
  const client = await gateway.join(member)
  const answer = await client.ask<Code>('get-pairing-code', { phone: '+34 600 000 001' })
  if (!answer.ok) throw new Error(answer.error.code)
  expect(answer.data.code).toMatch(format)
  expect(Date.parse(answer.data.expires_at)).toBeGreaterThan(Date.now())
  expect(await client.next<Code>('pairing-code')).toEqual(answer.data)
  // Asking again shows the one that is valid, on the socket and over REST.
  expect(await gateway.rest(member, 'POST', 'pairing_code', { phone: ana.number })).toMatchObject({
    status: 200,
    body: { success: true, data: answer.data },
  })

  expect(await type(ana.number, another(answer.data.code))).toMatchObject({ body: { error: { code: 'wrong_code' } } })
  expect(await type(ana.number, answer.data.code)).toMatchObject({ status: 200 })
  expect(await client.next('session-ready')).toMatchObject({ success: true, phone: ana.number })
  expect(await attempts()).toEqual([])
  expect(await gateway.rest(member, 'POST', 'pairing_code', { phone: ana.number })).toMatchObject({
    status: 409,
    body: { error: { code: 'already_linked', message: expect.stringContaining('Desvincúlalo') } },
  })

  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'hola' })
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    ['hola'],
    (rows) => rows.length === 1,
  )
  const { body } = await gateway.rest(member, 'GET', 'get_conversations')
  expect(body['conversations']).toMatchObject([{ external_id: jidOf(bea), wa_user_id: ana.number }])
  await gateway.rest(member, 'POST', 'logout')
})

test('a code that nobody types ends with its connection, and the credentials it left link by QR afterwards', async () => {
  const member = await gateway.createMember()
  const eva = { number: '34600000021', lid: '200000000000021', name: 'Eva' }
  await gateway.control.post('/phones', { ...eva, contacts: [], history: [] })
  const client = await gateway.join(member)
  const first = await client.ask<Code>('get-pairing-code', { phone: eva.number })
  if (!first.ok) throw new Error(first.error.code)
  await client.next<Code>('pairing-code')
  // The connection goes, and the code with it; the next attempt has another one by itself.
  const [session] = await gateway.database.query<{ id: string }>(
    'select id from public.whatsapp_sessions where user_id = $1',
    [member.id],
  )
  await gateway.restartHost()
  const again = await gateway.join(member)
  await again.ask('get-qr', {})
  const second = await again.next<Code>('pairing-code')
  expect(second.code).toMatch(format)
  expect(second.code).not.toBe(first.data.code)
  const image = await again.next<string>('qr-code')
  await gateway.control.post(`/phones/${eva.number}/scan`, { image })
  expect(await again.next('session-ready')).toMatchObject({ sessionId: session?.id, phone: eva.number })
  await gateway.rest(member, 'POST', 'logout')
})

test('another number replaces the code; a number without an account gets a sentence instead of one', async () => {
  const member = await gateway.createMember()
  const client = await gateway.join(member)
  const first = await client.ask<Code>('get-pairing-code', { phone: ana.number })
  if (!first.ok) throw new Error(first.error.code)
  expect(await gateway.rest(member, 'POST', 'pairing_code', { phone: '34699999999' })).toMatchObject({
    status: 422,
    body: { error: { code: 'pairing_refused', message: expect.stringContaining('código QR') } },
  })
  expect(await client.ask('get-pairing-code', { phone: 'no es un número' })).toMatchObject({
    ok: false,
    error: { code: 'invalid_phone' },
  })
  const second = await client.ask<Code>('get-pairing-code', { phone: bea.number })
  if (!second.ok) throw new Error(second.error.code)
  expect(second.data.code).not.toBe(first.data.code)
  await gateway.rest(member, 'POST', 'logout')
  await gateway.database.until('select 1 from private.linking_attempts', [], (rows) => rows.length === 0)
})

test('no code is in an event or a log line', async () => {
  const member = await gateway.createMember()
  const client = await gateway.join(member)
  const answer = await client.ask<Code>('get-pairing-code', { phone: ana.number })
  if (!answer.ok) throw new Error(answer.error.code)
  await gateway.rest(member, 'POST', 'logout')
  const bare = answer.data.code.replace('-', '')
  const events = await gateway.database.query('select data::text from public.session_events')
  for (const text of [...gateway.logs, JSON.stringify(events)]) {
    expect(text).not.toContain(answer.data.code)
    expect(text).not.toContain(bare)
  }
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
