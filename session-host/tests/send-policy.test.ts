import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { TestClient } from './connect-client.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const strangers = [3, 4, 5, 6, 7].map((at) => ({
  number: `3460000000${at}`,
  lid: `20000000000000${at}`,
  name: `Desconocida ${at}`,
}))
const [first, second, third, gone, restricted] = strangers.map(jidOf) as [string, string, string, string, string]

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  gateway = await startGateway({ timing: { ackTimeoutMs: 1_500 } })
  member = await gateway.createMember()
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  for (const phone of strangers) await gateway.control.post('/phones', { ...phone, contacts: [], history: [] })
  for (const { number } of [bea, ...strangers])
    await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${number}` })
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  await gateway.control.request('DELETE', '/faults')
})

interface Sent {
  id: string
  wa_id: string
}

async function send(client: TestClient, conversationId: string, textContent: string): Promise<Sent> {
  const answer = await client.ask<{ message: Sent }>('send-message', { conversationId, textContent, attachments: [] })
  if (!answer.ok) throw new Error(answer.error.code)
  return answer.data.message
}

async function becomes(id: string, ...statuses: string[]): Promise<unknown> {
  const [row] = await gateway.database.until<{ status: string; error_code: string | null }>(
    'select status, error_code from public.messages_new where id = $1',
    [id],
    ([each]) => statuses.includes(each?.status ?? ''),
  )
  return row?.error_code
}

/** What the event log says of a message, in order. */
async function told(id: string): Promise<string[]> {
  const rows = await gateway.database.query<{ told: string }>(
    `select concat_ws(' ', data ->> 'status', data ->> 'error_code') as told from public.session_events
       where session_id = $1 and type = 'message.status' and data ->> 'message_id' = $2 order by seq`,
    [linked.sessionId, id],
  )
  return rows.map((row) => row.told)
}

async function status(wanted: string): Promise<void> {
  await gateway.database.until(
    'select status from public.whatsapp_sessions where id = $1',
    [linked.sessionId],
    ([row]) => wanted === row?.['status'],
  )
}

async function restriction(kind: string | null): Promise<void> {
  await gateway.database.until(
    'select restriction from public.whatsapp_sessions where id = $1',
    [linked.sessionId],
    ([row]) => row?.['restriction'] === kind,
  )
}

test('a message that WhatsApp never acknowledges fails after the deadline; its acknowledgement, late, makes it sent', async () => {
  await gateway.restartHost({ environment: { WHATSAPP_SEND_DEADLINE: '3000' } })
  await status('connected')
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number })
  const { id, wa_id: waId } = await send(client, jidOf(bea), 'sin respuesta')
  expect(await becomes(id, 'failed')).toBe('send_timeout')
  await client.next('event', (event: { data: { message_id?: string; error_code?: string } }) => {
    return event.data.message_id === id && event.data.error_code === 'send_timeout'
  })
  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number, on: false })
  expect(await becomes(id, 'sent', 'delivered')).toBeNull()
  expect((await told(id)).slice(0, 2)).toEqual(['failed send_timeout', 'sent'])
  expect((await gateway.messagesOf(bea.number, ana.number)).filter((each) => each.id === waId)).toHaveLength(1)
  await gateway.restartHost()
  await status('connected')
})

test('what waited too long while no host ran fails when one starts, whether its session connects or not', async () => {
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 503, times: 1_000 })
  await gateway.control.post(`/phones/${ana.number}/drop`, { how: 'dirty' })
  await status('reconnecting')
  const client = await gateway.join(member)
  const late = await send(client, jidOf(bea), 'demasiado tarde')
  const fresh = await send(client, jidOf(bea), 'aún a tiempo')
  await gateway.stopHost()
  await gateway.database.query(
    `update private.session_commands set created_at = created_at - interval '2 days' where message_id = $1`,
    [late.id],
  )
  await gateway.restartHost()
  expect(await becomes(late.id, 'failed')).toBe('send_timeout')
  expect(await told(late.id)).toEqual(['failed send_timeout'])
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 503, times: 0 })
  await becomes(fresh.id, 'sent', 'delivered')
  const shown = await gateway.messagesOf(bea.number, ana.number)
  expect(shown.filter((each) => each.id === late.wa_id)).toEqual([])
})

test('a message to a number that is no longer on WhatsApp fails before it leaves', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'not_on_whatsapp', number: gone.split('@')[0] })
  const { id, wa_id: waId } = await send(client, gone, '¿Hay alguien?')
  expect(await becomes(id, 'failed')).toBe('not_on_whatsapp')
  const shown = await gateway.messagesOf(gone.split('@')[0] ?? '', ana.number)
  expect(shown.filter((each) => each.id === waId)).toEqual([])
})

test.for([
  ['reachout_timelock', 'conversaciones nuevas', 'new conversations'],
  ['message_cap', 'límite', 'limit'],
] as const)(
  '%s is told as state, event and sentence; first messages fail with it, others leave; its end is told, too',
  async ([fault, es, en]) => {
    await using client = await gateway.join(member)
    await gateway.control.post('/faults', { fault, number: ana.number })
    await client.next('event', (event: { type: string; data: { restriction?: string | null } }) => {
      return event.type === 'session.restriction' && event.data.restriction === fault
    })
    await restriction(fault)
    for (const [language, words] of [
      ['es', es],
      ['en', en],
    ] as const)
      expect(await gateway.rest(member, 'GET', 'session', undefined, { 'accept-language': language })).toMatchObject({
        body: { session: { restriction: { kind: fault, message: expect.stringContaining(words) as string } } },
      })
    const refused = await send(client, restricted, 'hola, no me conoces')
    expect(await becomes(refused.id, 'failed')).toBe('account_restricted')
    await becomes((await send(client, jidOf(bea), `con ${fault}`)).id, 'sent', 'delivered')
    await gateway.control.post('/faults', { fault, number: ana.number, on: false })
    await client.next('event', (event: { type: string; data: { restriction?: string | null } }) => {
      return event.type === 'session.restriction' && event.data.restriction === null
    })
    await restriction(null)
  },
)

test('a message that WhatsApp refuses with 463 says what to do', async () => {
  await using client = await gateway.join(member)
  await gateway.control.post('/faults', { fault: 'refuse_messages', number: ana.number, error: 463 })
  const { id } = await send(client, restricted, 'primera vez')
  expect(await becomes(id, 'failed')).toBe('account_restricted')
})

test('one idempotency key is one message, whether it comes by REST, the socket or SQL', async () => {
  await using client = await gateway.join(member)
  const body = { conversationId: jidOf(bea), textContent: 'tres caminos', attachments: [] }
  const key = 'tres-caminos'
  const byRest = await gateway.rest(member, 'POST', 'send_message', body, { 'idempotency-key': key })
  const bySocket = await client.ask('send-message', { ...body, idempotencyKey: key })
  const bySql = await fetch(`${gateway.environment['SUPABASE_URL']}/rest/v1/rpc/submit_message`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      apikey: gateway.environment['SUPABASE_PUBLISHABLE_KEY'] ?? '',
      authorization: `Bearer ${member.token}`,
    },
    body: JSON.stringify({ p_conversation: jidOf(bea), p_text: body.textContent, p_idempotency_key: key }),
  }).then((response) => response.json())
  const { id } = (byRest.body as unknown as { message: Sent }).message
  expect(byRest.status).toBe(202)
  expect(bySocket).toMatchObject({ ok: true, data: { replayed: true, message: { id } } })
  expect(bySql).toMatchObject({ replayed: true, message: { id } })
  await becomes(id, 'sent', 'delivered')
  expect(
    (await gateway.messagesOf(bea.number, ana.number)).filter((each) => each.text === 'tres caminos'),
  ).toMatchObject([{ copies: 1 }])
})

test('messages leave one after another, and first contacts further apart, while others and everything else go on', async () => {
  await gateway.restartHost({
    environment: { WHATSAPP_SEND_INTERVAL: '400', WHATSAPP_FIRST_CONTACT_INTERVAL: '600000' },
  })
  await status('connected')
  await using client = await gateway.join(member)
  const startedAt = performance.now()
  const opening = await send(client, first, 'hola, primera')
  const waiting = await send(client, second, 'hola, segunda')
  const alsoWaiting = await send(client, third, 'hola, tercera')
  const known = []
  for (const at of [1, 2, 3]) known.push(await send(client, jidOf(bea), `al ritmo ${at}`))
  for (const message of [opening, ...known]) await becomes(message.id, 'sent', 'delivered')
  // Three pauses at the least, of half the interval at the least.
  expect(performance.now() - startedAt).toBeGreaterThan(600)
  expect(await becomes(waiting.id, 'pending')).toBeNull()
  expect(await becomes(alsoWaiting.id, 'pending')).toBeNull()
  expect(await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${strangers[0]?.number}` })).toMatchObject(
    { body: { success: true } },
  )
  // Their turns are in the database, so that a restart does not let them all out at once.
  const due = await gateway.database.query<{ seconds: number }>(
    `select extract(epoch from next_attempt_at - now())::float8 as seconds from private.session_commands
       where message_id = any($1) order by next_attempt_at`,
    [[waiting.id, alsoWaiting.id]],
  )
  expect(due[0]?.seconds).toBeGreaterThan(60)
  expect((due[1]?.seconds ?? 0) - (due[0]?.seconds ?? 0)).toBeGreaterThan(299)
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
