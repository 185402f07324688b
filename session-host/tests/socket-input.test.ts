import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${bea.number}` })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const good = { conversationId: jidOf(bea), textContent: 'hola', attachments: [] }
const file = { attachments: [{ url: 'https://example.com/x.png' }] }

test.for([
  ['join', { token: 7 }, 'invalid_request'],
  ['join', { since: -1 }, 'invalid_request'],
  ['join', { surprise: true }, 'invalid_request'],
  ['join', 'token', 'invalid_request'],
  ['get-qr', [], 'invalid_request'],
  ['get-qr', { phone: '34' }, 'invalid_request'],
  ['send-message', { ...good, extra: 1 }, 'invalid_request'],
  ['send-message', { ...good, textContent: 7 }, 'invalid_request'],
  ['send-message', { ...good, textContent: null }, 'invalid_request'],
  ['send-message', { conversationId: jidOf(bea) }, 'invalid_request'],
  ['send-message', { ...good, conversationId: '' }, 'invalid_request'],
  ['send-message', { ...good, replyTo: 'not-a-uuid' }, 'invalid_request'],
  ['send-message', { ...good, idempotencyKey: '' }, 'invalid_request'],
  ['send-message', { ...good, textContent: ' \n\t' }, 'empty_text'],
  ['send-message', { ...good, textContent: '' }, 'empty_text'],
  ['send-message', { ...good, textContent: 'x'.repeat(65_537) }, 'text_too_long'],
  ['send-message', { ...good, conversationId: '34611111111@s.whatsapp.net' }, 'conversation_not_found'],
  ['send-message', { ...good, conversationId: '; drop table messages_new' }, 'conversation_not_found'],
  ['send-message', { ...good, replyTo: '00000000-0000-4000-8000-000000000000' }, 'message_not_found'],
  ['send-message', { ...good, attachments: [{ path: 'x' }] }, 'path_not_allowed'],
  ['send-message', { ...good, attachments: [{ path: 'x', url: 'https://example.com/x' }] }, 'invalid_request'],
  ['send-message', { ...good, ...file, mentions: [jidOf(bea)] }, 'invalid_request'],
  ['send-message', { ...good, ...file, preview: { url: 'https://example.com', title: 'x' } }, 'invalid_request'],
] as const)('%s %o is answered with %s, stores nothing, and the connection lives on', async ([event, data, code]) => {
  await using client = await gateway.join(member)
  const answer = await client.ask(event, data)
  expect(answer).toMatchObject({ ok: false, error: { code, message: expect.any(String) } })
  if (answer.ok) return
  expect(await client.next('error')).toBe(answer.error.message)
  expect(await gateway.database.query('select 1 from public.messages_new')).toEqual([])
  expect(await client.ask('join', {})).toMatchObject({ ok: true })
})

test('an event without a callback, or with something else in its place, is answered by error all the same', async () => {
  await using client = await gateway.join(member)
  client.socket.emit('send-message', { ...good, textContent: '' })
  await client.next('error')
  client.socket.emit('send-message', { ...good, textContent: '' }, 'not a function')
  await client.next('error')
  client.socket.emit('join')
  expect(await client.ask('join')).toMatchObject({ ok: true })
})

test('an unknown event changes nothing', async () => {
  await using client = await gateway.join(member)
  client.emit('drop-everything', { token: member.token })
  expect(await client.ask('join', {})).toMatchObject({ ok: true })
})

test('a frame that is too large ends only the connection that sent it', async () => {
  await using large = await gateway.join(member)
  await using other = await gateway.join(member)
  large.emit('send-message', { ...good, textContent: 'x'.repeat(1024 * 1024) })
  await large.closed
  expect(await other.ask('join', {})).toMatchObject({ ok: true })
  expect((await gateway.rest(member, 'GET', 'session')).status).toBe(200)
})

test('a text with every kind of character arrives as it was written', async () => {
  await using client = await gateway.join(member)
  const text = `ñ 👩‍👩‍👧‍👦 \u202E abc <b>no</b> \${x} '; -- ${'a'.repeat(2_000)}`
  const answer = await client.ask<{ message: { wa_id: string } }>('send-message', { ...good, textContent: text })
  if (!answer.ok) throw new Error(answer.error.code)
  const { wa_id: waId } = answer.data.message
  expect((await gateway.shown(bea.number, ana.number, (message) => message.id === waId)).text).toBe(text)
})

test('messages that are sent at once leave in the order in which they were given', async () => {
  await using client = await gateway.join(member)
  const texts = Array.from({ length: 15 }, (_, at) => `número ${at}`)
  for (const textContent of texts) client.emit('send-message', { ...good, textContent })
  for (const _ of texts) await client.next('message-sent')
  // The server acknowledges what it has not delivered yet.
  await gateway.shown(bea.number, ana.number, (message) => message.text === texts.at(-1))
  const shown = await gateway.messagesOf(bea.number, ana.number)
  expect(shown.map((message) => message.text).filter((text) => text.startsWith('número'))).toEqual(texts)
})
