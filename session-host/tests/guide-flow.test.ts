import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
})
afterAll(() => gateway[Symbol.asyncDispose]())

test('get-qr is answered with a picture that a phone can scan, and the scan with session-ready', async () => {
  const client = await gateway.connect()
  expect(await client.ask('join', { token: member.token })).toEqual({ ok: true, data: { userId: member.id } })
  client.emit('get-qr', { token: member.token })
  const qr = await client.next<string>('qr-code')
  expect(qr).toMatch(/^data:image\/png;base64,/)
  const picture = await sharp(Buffer.from(qr.replace(/^.*,/, ''), 'base64')).metadata()
  expect(picture).toMatchObject({ format: 'png' })
  expect(picture.width).toBeGreaterThan(200)

  await gateway.control.post('/phones', {
    ...ana,
    contacts: [bea],
    history: [
      {
        with: bea.number,
        unread: 1,
        messages: [
          { from_me: true, text: 'Hola Bea', at: 1_700_000_000, status: 'read' },
          { from_me: false, text: 'Hola Ana', at: 1_700_000_010 },
        ],
      },
    ],
  })
  await gateway.control.post(`/phones/${ana.number}/scan`, { image: qr })
  const ready = await client.next<{ success: boolean; phone: string; sessionId: string }>('session-ready')
  expect(ready).toMatchObject({ success: true, phone: ana.number })
  linked = { ...ana, sessionId: ready.sessionId }
})

test('the history of the phone becomes conversations and messages, unread ones unread', async () => {
  const [conversation] = await gateway.database.until<{ id: string; unread_count: number }>(
    'select * from public.conversations_new where user_id = $1 and last_message_at is not null',
    [member.id],
    (rows) => rows.length === 1,
  )
  expect(conversation).toMatchObject({
    external_id: jidOf(bea),
    contact_name: bea.name,
    unread_count: 1,
    wa_user_id: ana.number,
    last_message_text: 'Hola Ana',
  })
  const messages = await gateway.database.query(
    'select text_content, from_me, status, sender_type from public.messages_new where conversation_id = $1 order by created_at',
    [conversation?.id],
  )
  expect(messages).toEqual([
    { text_content: 'Hola Bea', from_me: true, status: 'read', sender_type: 'user' },
    { text_content: 'Hola Ana', from_me: false, status: 'received', sender_type: 'user' },
  ])
})

test.for(['lid', 'pn'] as const)(
  'a text addressed by %s is stored once, in the right conversation, and announced',
  async (as) => {
    const client = await gateway.join(member)
    const text = `¿Qué tal? (${as})`
    const said = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, { to: ana.number, text, as })
    await client.next('chats-updated')
    const event = await client.next<{ message?: { text_content: string }; conversation?: { external_id: string } }>(
      'event',
      (data) => data.message?.text_content === text,
    )
    expect(event).toMatchObject({
      type: 'message.created',
      sessionId: linked.sessionId,
      message: { text_content: text, sender_type: 'user', message_type: 'text', from_me: false, status: 'received' },
      conversation: { external_id: jidOf(bea) },
    })
    const rows = await gateway.database.query('select 1 from public.messages_new where wa_id = $1', [said.id])
    expect(rows).toHaveLength(1)
    const conversations = await gateway.database.query(
      'select 1 from public.conversations_new where user_id = $1 and contact_id is not null and last_message_at is not null',
      [member.id],
    )
    expect(conversations).toHaveLength(1)
  },
)

test('message-sent comes only after WhatsApp took the message, and names the conversation as the client did', async () => {
  const client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number })
  const answer = await client.ask<{ message: { id: string; wa_id: string; status: string } }>('send-message', {
    conversationId: jidOf(bea),
    textContent: 'Te escribo desde el ordenador 🙂',
    attachments: [],
  })
  if (!answer.ok) throw new Error(answer.error.code)
  const { id, wa_id: waId } = answer.data.message
  expect(answer.data.message.status).toBe('pending')

  const arrived = await gateway.shown(bea.number, ana.number, (message) => message.id === waId)
  expect(arrived).toMatchObject({ text: 'Te escribo desde el ordenador 🙂', copies: 1, via: 'companion:1' })
  // The contact has it, but WhatsApp's server has not said so: it is not sent.
  const [held] = await gateway.database.query('select status from public.messages_new where id = $1', [id])
  expect(held).toEqual({ status: 'pending' })
  expect(client.received.map((each) => each.event)).not.toContain('message-sent')

  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number, on: false })
  expect(await client.next('message-sent')).toEqual({
    success: true,
    conversationId: jidOf(bea),
    messageId: id,
    sessionId: linked.sessionId,
  })
  await client.next('event', (data: { type: string; data: { status?: string } }) => data.data.status === 'delivered')
  await gateway.control.post(`/phones/${bea.number}/read`, { with: ana.number })
  await client.next('event', (data: { type: string; data: { status?: string } }) => data.data.status === 'read')
  const statuses = client.received.flatMap(({ event, data }) => {
    const { type, data: facts } = (data ?? {}) as { type?: string; data?: { message_id: string; status: string } }
    return event === 'event' && type === 'message.status' && facts?.message_id === id ? [facts.status] : []
  })
  expect(statuses).toEqual(['sent', 'delivered', 'read'])
})

test('message-sent names the conversation by its uuid to a client that used that', async () => {
  const client = await gateway.join(member)
  const [conversation] = await gateway.database.query<{ id: string }>(
    'select id from public.conversations_new where external_id = $1',
    [jidOf(bea)],
  )
  client.emit('send-message', { conversationId: conversation?.id, textContent: 'Otra', attachments: [] })
  expect(await client.next('message-sent')).toMatchObject({ success: true, conversationId: conversation?.id })
})

test('what the account writes on its phone is stored as from_me, in the contact’s conversation', async () => {
  await gateway.control.post(`/phones/${ana.number}/say`, { to: bea.number, text: 'Desde el móvil' })
  const [row] = await gateway.database.until<{ external_id: string }>(
    `select m.from_me, m.status, m.sender_type, c.external_id from public.messages_new m
       join public.conversations_new c on c.id = m.conversation_id where m.text_content = 'Desde el móvil'`,
    [],
    (rows) => rows.length > 0,
  )
  expect(row).toMatchObject({ from_me: true, sender_type: 'user', external_id: jidOf(bea) })
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
