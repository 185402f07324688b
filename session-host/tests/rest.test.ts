import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, lidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Listed {
  id: string
  external_id: string
  contact_name: string
  unread_count: number
}

async function conversations(): Promise<Listed[]> {
  const { body } = await gateway.rest(member, 'GET', 'get_conversations')
  return body['conversations'] as Listed[]
}

async function texts(conversationId: string): Promise<string[]> {
  const answer = await gateway.rest(member, 'GET', `get_messages?conversationId=${encodeURIComponent(conversationId)}`)
  expect(answer.status).toBe(200)
  return (answer.body['messages'] as { text_content: string }[]).map((message) => message.text_content)
}

test('a user without a phone has an unlinked session and gets a QR by asking for it', async () => {
  expect(await gateway.rest(member, 'GET', 'session')).toMatchObject({
    status: 200,
    body: { session: { id: null, status: 'unlinked' } },
  })
  expect(await gateway.rest(member, 'POST', 'logout')).toMatchObject({
    status: 409,
    body: { error: { code: 'session_not_linked' } },
  })
  const qr = await gateway.rest(member, 'GET', 'qr')
  expect(qr).toMatchObject({
    status: 200,
    body: { success: true, connected: false, message: 'Escanea este código QR con WhatsApp' },
  })
  expect((qr.body['data'] as { qr: string }).qr).toMatch(/^data:image\/png;base64,/)
})

test('a linked user is told so instead of getting a QR', async () => {
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  const answer = await gateway.rest(member, 'GET', 'qr')
  expect(answer).toMatchObject({ status: 200, body: { success: true, connected: true } })
  expect(answer.body).not.toHaveProperty('data')
  expect(await gateway.rest(member, 'GET', 'session')).toMatchObject({
    status: 200,
    body: { session: { status: 'connected', phone: ana.number } },
  })
})

test('a conversation is opened with a number on WhatsApp, and with no other', async () => {
  const opened = await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${bea.number}` })
  expect(opened).toMatchObject({
    status: 200,
    body: { conversation: { external_id: jidOf(bea), contact_name: bea.push_name } },
  })
  const again = await gateway.rest(member, 'POST', 'start_conversation', { jid: jidOf(bea) })
  expect((again.body['conversation'] as Listed).id).toBe((opened.body['conversation'] as Listed).id)
  expect(await gateway.rest(member, 'POST', 'start_conversation', { phone: '+34600999888' })).toMatchObject({
    status: 404,
    body: { error: { code: 'not_on_whatsapp' } },
  })
})

test('messages are found by number, by LID and by the conversation’s id', async () => {
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'Buenas' })
  await gateway.database.until(
    'select 1 from public.messages_new where user_id = $1',
    [member.id],
    (rows) => rows.length === 1,
  )
  const [conversation] = await conversations()
  expect(conversation).toMatchObject({ external_id: jidOf(bea), unread_count: 1, contact_name: bea.push_name })
  for (const name of [jidOf(bea), lidOf(bea), conversation?.id ?? '']) expect(await texts(name)).toEqual(['Buenas'])
})

test('a message is sent once for one idempotency key, and another body with it is refused', async () => {
  const request = { conversationId: lidOf(bea), textContent: 'Por REST' }
  const key = { 'Idempotency-Key': 'una-vez' }
  const first = await gateway.rest(member, 'POST', 'send_message', request, key)
  expect(first).toMatchObject({ status: 202, body: { success: true, message: { status: 'pending' } } })
  const { id, wa_id: waId } = first.body['message'] as { id: string; wa_id: string }
  await gateway.database.until(
    'select status from public.messages_new where id = $1',
    [id],
    ([row]) => row?.['status'] === 'delivered',
  )
  const second = await gateway.rest(member, 'POST', 'send_message', request, key)
  expect((second.body['message'] as { id: string }).id).toBe(id)
  expect(await gateway.rest(member, 'POST', 'send_message', { ...request, textContent: 'Otro' }, key)).toMatchObject({
    status: 409,
    body: { error: { code: 'idempotency_conflict' } },
  })
  const shown = await gateway.messagesOf(bea.number, ana.number)
  expect(shown.filter((message) => message.text === 'Por REST')).toMatchObject([{ id: waId, copies: 1 }])
})

test('mark_read empties the count, and the contact’s phone shows the message as read', async () => {
  const said = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, {
    to: ana.number,
    text: '¿Me lees?',
  })
  await gateway.database.until(
    'select 1 from public.messages_new where wa_id = $1',
    [said.id],
    (rows) => rows.length === 1,
  )
  expect(await gateway.rest(member, 'POST', 'mark_read', { conversationId: jidOf(bea) })).toMatchObject({
    status: 200,
    body: { success: true },
  })
  await gateway.shown(bea.number, ana.number, (message) => message.id === said.id && message.status === 'read')
  expect((await conversations())[0]).toMatchObject({ unread_count: 0 })
})

test.for([
  ['send_message', { conversationId: '34611111111@s.whatsapp.net', textContent: 'x' }],
  ['mark_read', { conversationId: '34611111111@s.whatsapp.net' }],
] as const)('%s to a conversation that does not exist is 404', async ([path, body]) => {
  expect(await gateway.rest(member, 'POST', path, body)).toMatchObject({
    status: 404,
    body: { error: { code: 'conversation_not_found' } },
  })
})

test.for([
  [{ conversationId: jidOf(bea), textContent: '  \n' }, 'empty_text'],
  [{ conversationId: jidOf(bea), textContent: 'x'.repeat(65_537) }, 'text_too_long'],
  [{ conversationId: jidOf(bea), textContent: 7 }, 'invalid_request'],
  [{ textContent: 'x' }, 'invalid_request'],
] as const)('a bad message (case %#) is 400 and nothing is stored', async ([body, code]) => {
  const before = await gateway.database.query('select 1 from public.messages_new')
  expect(await gateway.rest(member, 'POST', 'send_message', body)).toMatchObject({
    status: 400,
    body: { error: { code } },
  })
  expect(await gateway.database.query('select 1 from public.messages_new')).toHaveLength(before.length)
})

test('logout unlinks the phone and wipes the keys, and the conversations stay', async () => {
  expect(await gateway.rest(member, 'POST', 'logout')).toMatchObject({
    status: 200,
    body: { session: { status: 'logged_out' } },
  })
  const { devices } = await gateway.control.get<{ devices: unknown[] }>(`/phones/${ana.number}`)
  expect(devices).toEqual([])
  for (const table of ['whatsapp_credentials', 'whatsapp_keys', 'inbox'])
    expect(await gateway.database.query(`select 1 from private.${table}`)).toEqual([])
  expect(await conversations()).toHaveLength(1)
  expect(await texts(jidOf(bea))).toContain('Por REST')
  expect(
    await gateway.rest(member, 'POST', 'send_message', { conversationId: jidOf(bea), textContent: 'x' }),
  ).toMatchObject({ status: 409, body: { error: { code: 'session_not_linked' } } })
})
