import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { TestClient } from './connect-client.ts'
import { holdRows } from './crash/row-lock.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  gateway = await startGateway({ timing: { ackTimeoutMs: 1_500 } })
  member = await gateway.createMember()
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${bea.number}` })
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  await gateway.control.request('DELETE', '/faults')
})

interface Sent {
  id: string
  wa_id: string
  status: string
}

async function send(client: TestClient, textContent: string, more: object = {}): Promise<Sent> {
  const answer = await client.ask<{ message: Sent }>('send-message', {
    conversationId: jidOf(bea),
    textContent,
    attachments: [],
    ...more,
  })
  if (!answer.ok) throw new Error(answer.error.code)
  return answer.data.message
}

function becomes(id: string, ...statuses: string[]): Promise<object[]> {
  return gateway.database.until<{ status: string }>(
    'select status, error_code from public.messages_new where id = $1',
    [id],
    ([row]) => statuses.includes(row?.status ?? ''),
  )
}

/** What the contact's phone shows, in order, of the texts that begin so. */
async function shownTexts(prefix: string): Promise<{ text: string; copies: number }[]> {
  const shown = await gateway.messagesOf(bea.number, ana.number)
  return shown.filter((message) => message.text.startsWith(prefix))
}

async function drop(how: object): Promise<void> {
  await gateway.control.post(`/phones/${ana.number}/drop`, how)
}

async function status(wanted: string): Promise<void> {
  await gateway.database.until(
    'select status from public.whatsapp_sessions where id = $1',
    [linked.sessionId],
    ([row]) => wanted === row?.['status'],
  )
}

test('a message whose stanza was cut off before the answer is sent again with the same id and shown once', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'drop_after_message', number: ana.number })
  const { id, wa_id: waId } = await send(client, 'cortado')
  await becomes(id, 'sent', 'delivered')
  await client.next('message-sent', (data: { messageId: string }) => data.messageId === id)
  expect(await shownTexts('cortado')).toMatchObject([{ id: waId }])
})

test('while nothing is acknowledged the message stays pending and is sent again with the same id; the phone shows it once', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number })
  const first = await send(client, 'espera 1')
  const second = await send(client, 'espera 2')
  // It is tried again although another one waits behind it.
  await gateway.shown(bea.number, ana.number, (message) => message.id === first.wa_id && message.copies > 1)
  expect(await becomes(first.id, 'pending')).toMatchObject([{ status: 'pending' }])
  expect(await becomes(second.id, 'pending')).toMatchObject([{ status: 'pending' }])
  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number, on: false })
  await becomes(first.id, 'sent', 'delivered')
  await becomes(second.id, 'sent', 'delivered')
  expect((await shownTexts('espera')).map((message) => message.text)).toEqual(['espera 1', 'espera 2'])
})

test('a message that WhatsApp refuses fails for good, with a code and an event, and the next one is sent', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'refuse_messages', number: ana.number, error: 479 })
  const { id } = await send(client, 'rechazado')
  await client.next('event', (event: { data: { message_id?: string; status?: string; error_code?: string } }) => {
    const { message_id: message, status: now, error_code: code } = event.data
    return message === id && now === 'failed' && code === 'message_rejected'
  })
  expect(await becomes(id, 'failed')).toEqual([{ status: 'failed', error_code: 'message_rejected' }])
  const { id: next } = await send(client, 'después del rechazo')
  await becomes(next, 'sent', 'delivered')
  expect(await shownTexts('rechazado')).toEqual([])
})

test('what is submitted while there is no connection is sent after the reconnect, in order', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 503, times: 3 })
  await drop({ how: 'dirty' })
  await status('reconnecting')
  const texts = [1, 2, 3, 4].map((at) => `sin línea ${at}`)
  const messages = []
  for (const text of texts) messages.push(await send(client, text))
  for (const message of messages) await becomes(message.id, 'sent', 'delivered')
  expect((await shownTexts('sin línea')).map((message) => message.text)).toEqual(texts)
})

test('a link that flaps does not use up the tries of what waits', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'drop_after_message', number: ana.number, times: 4 })
  const first = await send(client, 'inestable 1')
  const second = await send(client, 'inestable 2')
  await becomes(first.id, 'sent', 'delivered')
  await becomes(second.id, 'sent', 'delivered')
  expect((await shownTexts('inestable')).map((message) => message.text)).toEqual(['inestable 1', 'inestable 2'])
})

test('a message leaves after the key that it was encrypted with is stored: a crash in between would use that key twice', async () => {
  await using client = await gateway.join(member)
  await becomes((await send(client, 'abre la sesión')).id, 'delivered')
  const lock = await holdRows(gateway.stack.adminDatabaseUrl, [
    {
      text: `select 1 from private.whatsapp_keys k join public.whatsapp_sessions s on s.id = k.session_id
        where s.user_id = $1 and k.type = 'session' for update of k`,
      values: [member.id],
    },
  ])
  const { id } = await send(client, 'con llave guardada')
  await lock.blocks(/receive_messages|write_keys/)
  expect(await shownTexts('con llave guardada')).toEqual([])
  await lock.release('commit')
  await becomes(id, 'delivered')
  expect(await shownTexts('con llave guardada')).toMatchObject([{ copies: 1 }])
})

test('the same idempotency key answers the first message again; another body with it is a conflict', async () => {
  await using client = await gateway.join(member)
  const first = await send(client, 'una vez', { idempotencyKey: 'clave' })
  await becomes(first.id, 'sent', 'delivered')
  const again = await client.ask<{ message: Sent; replayed: boolean }>('send-message', {
    conversationId: jidOf(bea),
    textContent: 'una vez',
    attachments: [],
    idempotencyKey: 'clave',
  })
  expect(again).toMatchObject({ ok: true, data: { replayed: true, message: { id: first.id } } })
  expect(
    await client.ask('send-message', { conversationId: jidOf(bea), textContent: 'otra', idempotencyKey: 'clave' }),
  ).toMatchObject({ ok: false, error: { code: 'idempotency_conflict' } })
  expect(await shownTexts('una vez')).toMatchObject([{ copies: 1 }])
})

test('an answer quotes the message that it answers', async () => {
  await using client = await gateway.join(member)
  const said = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, {
    to: ana.number,
    text: '¿Vienes?',
  })
  const [asked] = await gateway.database.until<{ id: string }>(
    'select id from public.messages_new where wa_id = $1',
    [said.id],
    (rows) => rows.length > 0,
  )
  const answer = await send(client, 'Sí, voy', { replyTo: asked?.id })
  await becomes(answer.id, 'sent', 'delivered')
  expect(
    await gateway.database.query('select reply_to_wa_id from public.messages_new where id = $1', [answer.id]),
  ).toEqual([{ reply_to_wa_id: said.id }])
  expect(await shownTexts('Sí, voy')).toHaveLength(1)
})

test('texts that cross each other arrive once each, in order, and nobody has to ask for one again', async () => {
  await using client = await gateway.join(member)
  const events = new AbortController()
  const retries: string[] = []
  const stream = await fetch(`${gateway.simulator.url}/events`, { signal: events.signal })
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of stream.body ?? [])
      for (const found of decoder.decode(chunk as Uint8Array).match(/"receipt\.retry"/g) ?? []) retries.push(found)
  })().catch(() => undefined)

  const rounds = Array.from({ length: 25 }, (_, at) => at)
  const sent: Sent[] = []
  await Promise.all([
    (async () => {
      for (const at of rounds) sent.push(await send(client, `cruce mío ${at}`))
    })(),
    (async () => {
      for (const at of rounds)
        await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: `cruce suyo ${at}` })
    })(),
  ])
  for (const message of sent) await becomes(message.id, 'sent', 'delivered')
  const rows = await gateway.database.until<{ text_content: string }>(
    `select text_content from public.messages_new where text_content like 'cruce suyo%' order by created_at, ordinal`,
    [],
    (found) => found.length >= rounds.length,
  )
  expect(rows.map((row) => row.text_content)).toEqual(rounds.map((at) => `cruce suyo ${at}`))
  expect((await shownTexts('cruce mío')).map((message) => message.text)).toEqual(rounds.map((at) => `cruce mío ${at}`))
  events.abort()
  await reading
  expect(retries).toEqual([])
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
