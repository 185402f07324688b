import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { TestClient } from './connect-client.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'
import { startHostProcess } from './start-host-process.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  // A short lease in the processes would be lost by a busy machine; the one of this process's hosts is theirs alone.
  gateway = await startGateway({ host: false })
  member = await gateway.createMember()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function say(text: string): Promise<void> {
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
}

async function stored(prefix: string, count: number): Promise<string[]> {
  const rows = await gateway.database.until<{ text_content: string }>(
    'select text_content from public.messages_new where text_content like $1 order by created_at, ordinal',
    [`${prefix}%`],
    (found) => found.length >= count,
  )
  return rows.map((row) => row.text_content)
}

async function connectedAgain(): Promise<void> {
  await gateway.control.until(async () => {
    const { devices } = await gateway.control.get<{ devices: { online: boolean }[] }>(`/phones/${ana.number}`)
    return devices.some((device) => device.online) ? true : undefined
  })
}

interface StreamEvent {
  seq: number
  type: string
  message?: { text_content: string | null }
}

/** What a client was told of the event log so far. */
const eventsOf = (client: TestClient): StreamEvent[] =>
  client.received.filter(({ event }) => event === 'event').map(({ data }) => data as StreamEvent)
const says = (text: string) => (event: StreamEvent) => event.message?.text_content === text

test('killed while messages come in, it is connected again without a QR, each message is there once and in order, and so for a consumer that was away', async () => {
  const texts = Array.from({ length: 30 }, (_, at) => `ráfaga ${String(at).padStart(2, '0')}`)
  const first = await startHostProcess(gateway.environment)
  gateway.moveTo(first.url)
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  const consumer = await gateway.connect()
  await consumer.ask('join', { token: member.token, since: 0 })
  for (const text of texts.slice(0, 10)) await say(text)
  await stored('ráfaga', 3)
  // It goes away somewhere in the burst, and comes back long after the kill.
  await consumer.next<StreamEvent>('event', says('ráfaga 02'))
  consumer.socket.disconnect()
  const before = eventsOf(consumer)
  // In the middle of the burst, wherever it happens to be.
  const killed = first.end()
  for (const text of texts.slice(10)) await say(text)
  await killed
  expect((await gateway.database.query('select 1 from public.messages_new')).length).toBeLessThan(texts.length)

  await using second = await startHostProcess(gateway.environment)
  gateway.moveTo(second.url)
  expect(await stored('ráfaga', texts.length)).toEqual(texts)
  const resumed = await gateway.connect()
  await resumed.ask('join', { token: member.token, since: before.at(-1)?.seq })
  await resumed.next<StreamEvent>('event', says('ráfaga 29'))
  const told = [...before, ...eventsOf(resumed)]
  expect(told.map(({ seq }) => seq)).toEqual(told.map((_, at) => at + 1))
  const toldTexts = told.filter(({ type }) => type === 'message.created').map(({ message }) => message?.text_content)
  expect(toldTexts).toEqual(texts)
  await connectedAgain()
  const client = await gateway.join(member)
  expect(await client.ask('get-qr', {})).toMatchObject({ ok: true })
  await client.next('session-ready')
  expect(client.received.map((each) => each.event)).not.toContain('qr-code')
  // And it answers.
  client.emit('send-message', { conversationId: jidOf(bea), textContent: 'aquí estoy', attachments: [] })
  await client.next('message-sent')
  await gateway.shown(bea.number, ana.number, (message) => message.text === 'aquí estoy')
  await say('ráfaga fin')
  expect(await stored('ráfaga', texts.length + 1)).toEqual([...texts, 'ráfaga fin'])
})

test('killed while it sends, what was submitted leaves once and in order after the restart', async () => {
  const first = await startHostProcess(gateway.environment)
  gateway.moveTo(first.url)
  await connectedAgain()
  await gateway.control.post('/faults', { fault: 'hold_acks', number: ana.number })
  const client = await gateway.join(member)
  const texts = ['salida 1', 'salida 2', 'salida 3']
  for (const textContent of texts)
    expect(await client.ask('send-message', { conversationId: jidOf(bea), textContent })).toMatchObject({ ok: true })
  await gateway.shown(bea.number, ana.number, (message) => message.text === 'salida 1')
  await first.end()
  await gateway.control.request('DELETE', '/faults')
  await using second = await startHostProcess(gateway.environment)
  gateway.moveTo(second.url)
  await gateway.database.until(
    `select 1 from public.messages_new where text_content like 'salida%' and status in ('sent', 'delivered')`,
    [],
    (rows) => rows.length === texts.length,
  )
  const shown = await gateway.messagesOf(bea.number, ana.number)
  expect(shown.map((message) => message.text).filter((text) => text.startsWith('salida'))).toEqual(texts)
})

test('a graceful restart hands the session over at once, and stock clients come back by themselves', async () => {
  const first = await gateway.startHost()
  gateway.moveTo(`http://127.0.0.1:${first.port}`)
  await gateway.database.until(
    'select 1 from private.session_leases where session_id = $1 and expires_at > clock_timestamp()',
    [linked.sessionId],
    (rows) => rows.length > 0,
  )
  await connectedAgain()
  const client = await gateway.connect({ auth: { token: member.token }, reconnection: true })
  await client.ask('join', {})
  await client.next('session-ready')
  const back = new Promise<void>((resolve) => client.socket.on('connect', resolve))
  await first[Symbol.asyncDispose]()
  expect(
    await gateway.database.query('select 1 from private.session_leases where expires_at > clock_timestamp()'),
  ).toEqual([])
  // Nobody is there to say that it is gone: whoever asks is not told that it is connected.
  expect(await linkState()).toMatchObject({ status: 'reconnecting', status_reason: 'host_away' })
  await say('mientras tanto')
  await using second = await gateway.startHost({ environment: { PORT: String(first.port) } })
  expect(second.port).toBe(first.port)
  await back
  expect(await client.ask('join', {})).toMatchObject({ ok: true })
  expect(await stored('mientras tanto', 1)).toEqual(['mientras tanto'])
  expect(await linkState()).toMatchObject({ status: 'connected', status_reason: null })
})

/** As supabase-js asks, whatever hosts there are. */
async function linkState(): Promise<unknown> {
  const response = await fetch(`${gateway.environment['SUPABASE_URL']}/rest/v1/rpc/link_state`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${member.token}`,
      apikey: gateway.environment['SUPABASE_PUBLISHABLE_KEY'] ?? '',
      'content-type': 'application/json',
    },
    body: '{}',
  })
  return response.json()
}

test('a dead host’s connections do not keep its clients out for long', async () => {
  const crowd = await gateway.createMember()
  const first = await startHostProcess(gateway.environment)
  gateway.moveTo(first.url)
  for (let count = 0; count < 5; count += 1) await gateway.join(crowd)
  await first.end()
  expect(
    await gateway.database.query('select 1 from private.socket_connections where user_id = $1', [crowd.id]),
  ).toHaveLength(5)
  await using second = await startHostProcess(gateway.environment)
  gateway.moveTo(second.url)
  await gateway.join(crowd)
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
