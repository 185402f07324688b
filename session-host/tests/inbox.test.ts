import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { emptyBatch } from '#shared/inbound.ts'
import { projectSafely, type Patience } from '../sessions/project-safely.ts'
import { followSimulator } from './crash/simulator-events.ts'
import { incoming, openStore, type OpenStore } from './open-store.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function refuseProjection(on: boolean): Promise<void> {
  await gateway.database.query(
    on
      ? `create function private.refuse_for_test() returns trigger language plpgsql as
           $$ begin raise exception using errcode = '57P03', message = 'the database is away'; end $$;
         create trigger refuse_for_test before insert on public.messages_new
           for each row execute function private.refuse_for_test()`
      : `drop trigger refuse_for_test on public.messages_new; drop function private.refuse_for_test()`,
  )
}

async function waiting(count: number): Promise<void> {
  await gateway.database.until(
    'select 1 from private.inbox where projected_at is null',
    [],
    (rows) => rows.length === count,
  )
}

test('a host that stops between decryption and projection has lost nothing: history and messages come at the next start', async () => {
  await refuseProjection(true)
  await gateway.control.post('/phones', {
    ...ana,
    contacts: [bea],
    history: [{ with: bea.number, messages: [{ from_me: false, text: 'de antes', at: 1_700_000_000 }] }],
  })
  const client = await gateway.join(member)
  await client.ask('get-qr', {})
  await gateway.control.post(`/phones/${ana.number}/scan`, { image: await client.next<string>('qr-code') })
  const { sessionId } = await client.next<{ sessionId: string }>('session-ready')
  linked = { ...ana, sessionId }
  // The history has come, and waits for the database.
  await expect
    .poll(() => gateway.logs.some((line) => line.includes('the database is away')), { timeout: 60_000 })
    .toBe(true)
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'en vivo' })
  // The phone has its receipt, so WhatsApp will not deliver it again.
  await gateway.shown(bea.number, ana.number, (message) => message.text === 'en vivo' && message.status === 'delivered')
  expect(await gateway.database.query('select 1 from public.messages_new')).toEqual([])
  await gateway.stopHost()
  expect(
    (await gateway.database.query('select 1 from private.inbox where projected_at is null')).length,
  ).toBeGreaterThan(0)
  expect(
    (await gateway.database.query(`select 1 from private.history_chunks where status = 'waiting'`)).length,
  ).toBeGreaterThan(0)

  await refuseProjection(false)
  await gateway.restartHost()
  await gateway.database.until<{ text_content: string }>(
    'select text_content from public.messages_new order by created_at',
    [],
    (rows) => JSON.stringify(rows.map((row) => row.text_content)) === JSON.stringify(['de antes', 'en vivo']),
  )
  await waiting(0)
  expect(await gateway.database.query('select 1 from private.inbox where ciphertext is not null')).toEqual([])
})

test('a ciphertext that comes again, at once or after a lost receipt, is answered and not doubled', async () => {
  await gateway.control.post('/faults', { fault: 'duplicate_stanzas', number: ana.number })
  for (const text of ['doble 1', 'doble 2', 'doble 3'])
    await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
  await gateway.control.request('DELETE', '/faults')
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'doble fin' })
  const rows = await gateway.database.until<{ text_content: string }>(
    `select text_content from public.messages_new where text_content like 'doble%' or unsupported_type is not null
       order by created_at, ordinal`,
    [],
    (found) => found.at(-1)?.text_content === 'doble fin',
  )
  expect(rows.map((row) => row.text_content)).toEqual(['doble 1', 'doble 2', 'doble 3', 'doble fin'])
  await gateway.control.until(async () => {
    const { devices } = await gateway.control.get<{ devices: { queued: number }[] }>(`/phones/${ana.number}`)
    return devices.every((device) => device.queued === 0) ? true : undefined
  })
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a message that could not be decrypted is a placeholder until it comes again, then its text', async () => {
  await gateway.control.post('/faults', { fault: 'corrupt_messages', number: ana.number })
  const said = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, {
    to: ana.number,
    text: 'ilegible',
  })
  const rows = await gateway.database.until<{ text_content: string | null; unsupported_type: string | null }>(
    'select text_content, unsupported_type from public.messages_new where wa_id = $1',
    [said.id],
    (found) => found[0]?.text_content === 'ilegible',
  )
  expect(rows).toEqual([{ text_content: 'ilegible', unsupported_type: null }])
})

test('a message that was under way while phone and host began a new Signal session is read, and that session goes on unharmed', async () => {
  const say = (text: string) => gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
  const fault = (name: string, number: string) => gateway.control.post('/faults', { fault: name, number })
  async function exchange(text: string): Promise<void> {
    expect(
      await gateway.rest(member, 'POST', 'send_message', { conversationId: jidOf(bea), textContent: text }),
    ).toMatchObject({ status: 202 })
    await gateway.shown(bea.number, ana.number, (message) => message.text === text)
  }
  await exchange('sesión 1')
  await say('respuesta 1')
  // Waits for the next one, and comes after it.
  await fault('reorder_stanzas', ana.number)
  await say('sesión 1, tarde')
  // The phone can't read this one, asks for it again, and gets it on a new session.
  await fault('forget_sessions', bea.number)
  await exchange('sesión 2')
  await say('respuesta 2')
  await gateway.control.request('DELETE', '/faults')
  await gateway.database.until<{ text_content: string }>(
    `select text_content from public.messages_new where text_content in ('respuesta 2', 'sesión 1, tarde')`,
    [],
    (rows) => rows.length === 2,
  )
  await using events = await followSimulator(gateway.simulator.url)
  await exchange('sesión 2, otra vez')
  expect(events.all().filter(({ type }) => type === 'receipt.retry')).toEqual([])
})

test('many messages that waited at WhatsApp, and what comes while they drain, are stored and published in order', async () => {
  const cid = { number: '34600000003', name: 'Cid' }
  await gateway.control.post(`/phones/${ana.number}/contacts`, cid)
  const { jid: group } = await gateway.control.post<{ jid: string }>('/groups', {
    by: bea.number,
    subject: 'Muchas',
    members: [{ number: cid.number }, { number: ana.number }],
  })
  const ways = [
    [bea.number, ana.number],
    [cid.number, ana.number],
    [bea.number, group],
    [ana.number, bea.number],
    [cid.number, group],
  ] as const
  const said: { to: string; text: string }[] = []
  async function say(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const [from, to] = ways[n % ways.length] ?? ways[0]
      const text = `orden ${String(said.length).padStart(3, '0')}`
      said.push({ to: to === group ? group : from === ana.number ? to : from, text })
      await gateway.control.post(`/phones/${from}/say`, { to, text })
    }
  }
  await using client = await gateway.join(member)
  const published: string[] = []
  client.socket.on('event', (event: { type: string; data: { message_id?: string } }) => {
    if (event.type === 'message.created') published.push(event.data.message_id ?? '')
  })
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 503, times: 100_000 })
  await gateway.control.post(`/phones/${ana.number}/drop`, { how: 'dirty' })
  await say(120)
  await gateway.control.post(`/phones/${ana.number}/login_failure`, { reason: 503, times: 0 })
  await gateway.control.until(async () => {
    const { connections } = await gateway.control.get<{ connections: number }>('/state')
    return connections > 0 ? true : undefined
  })
  await say(30)
  const rows = await gateway.database.until<{ id: string; text: string }>(
    `select id, text_content as text from public.messages_new where text_content like 'orden%' order by created_at, ordinal`,
    [],
    (found) => found.length >= said.length,
  )
  await expect.poll(() => rows.filter(({ id }) => !published.includes(id)), { timeout: 60_000 }).toEqual([])
  const texts = new Map(rows.map(({ id, text }) => [id, text]))
  const announced = published.flatMap((id) => texts.get(id) ?? [])
  for (const chat of new Set(said.map(({ to }) => to))) {
    const ofChat = said.filter(({ to }) => to === chat).map(({ text }) => text)
    expect(rows.map(({ text }) => text).filter((text) => ofChat.includes(text))).toEqual(ofChat)
    expect(announced.filter((text) => ofChat.includes(text))).toEqual(ofChat)
  }
})

test('the session that was restarted is the one that was linked', async () => {
  const sessions = await gateway.database.query('select id, phone from public.whatsapp_sessions')
  expect(sessions).toEqual([{ id: linked.sessionId, phone: ana.number }])
})

const pn = jidOf(bea)
const quiet: Patience['logger'] = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const patience: Patience = { logger: quiet, givesUp: () => false }

async function keep(store: OpenStore, ...keys: string[]): Promise<void> {
  await store.credentials.write({
    keys: [],
    inbox: keys.map((key) => ({ id: `id ${key}`, stanzaKey: key, value: Buffer.from(key) })),
  })
}

test('a message that the database refuses stays in the inbox alone; the others of its batch are stored and leave it', async () => {
  await using store = await openStore()
  await keep(store, 'k1', 'k2', 'k3')
  const batch = {
    ...emptyBatch(),
    people: [{ jid: pn, name: 'Bea' }],
    messages: [
      incoming(pn, 'uno', { inboxKey: 'k1' }),
      incoming(pn, 'x'.repeat(500), { inboxKey: 'k2' }),
      incoming(pn, 'tres', { inboxKey: 'k3' }),
    ],
    inbox: ['k1', 'k2', 'k3'],
  }
  expect(await projectSafely(store.projection, batch, patience)).toMatchObject({
    refused: [{ inboxKey: 'k2', error: expect.stringMatching(/^[0-9A-Z]{5}$/) }],
  })
  expect(await store.conversations()).toMatchObject([{ name: 'Bea', texts: ['uno', 'tres'] }])
  expect((await store.credentials.listInbox()).map((entry) => entry.stanzaKey)).toEqual(['k2'])
})

test('messages that were decrypted one after another and kept together are replayed in that order', async () => {
  await using store = await openStore()
  const keys = ['d', 'a', 'c', 'b', 'e']
  await keep(store, ...keys)
  await keep(store, '0')
  expect((await store.credentials.listInbox()).map((entry) => entry.stanzaKey)).toEqual([...keys, '0'])
})

test('what was refused is kept for a week, then forgotten with the hashes of what was stored', async () => {
  await using store = await openStore()
  await keep(store, 'fresh', 'old', 'stored')
  await store.project({ inbox: ['stored'] })
  await store.watch.query(
    `update private.inbox set received_at = now() - interval '8 days' where stanza_key <> 'fresh'`,
  )
  await store.credentials.forgetOldInbox()
  expect(await store.watch.query('select stanza_key from private.inbox')).toEqual([{ stanza_key: 'fresh' }])
})

test('while the database is away a batch waits, until patience ends; then nothing of it is stored', async () => {
  await using store = await openStore()
  await store.watch.query(
    `create function private.away() returns trigger language plpgsql as
       $$ begin raise exception using errcode = '57P03', message = 'away'; end $$;
     create trigger away before insert on public.messages_new for each row execute function private.away()`,
  )
  const batch = { ...emptyBatch(), messages: [incoming(pn, 'uno')] }
  await expect(
    projectSafely(store.projection, batch, { logger: quiet, givesUp: (attempt) => attempt >= 2 }),
  ).rejects.toMatchObject({ code: '57P03' })
  const waits = projectSafely(store.projection, batch, patience)
  await Promise.race([waits, pause(300)])
  await store.watch.query('drop trigger away on public.messages_new')
  expect(await waits).toEqual({ refused: [] })
  expect(await store.conversations()).toMatchObject([{ texts: ['uno'] }])
})

test('an acknowledgement of a message whose row somebody holds for minutes is stored when it is free, for nothing else tells of it', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(pn, 'hola')] })
  const { message } = await store.requests.submitMessage(store.lease.userId, { conversation: pn, text: 'uno' })
  await store.watch.query(
    `create function private.held() returns trigger language plpgsql as
       $$ begin raise exception using errcode = '57014', message = 'canceling statement due to statement timeout'; end $$;
     create trigger held before update on public.messages_new for each row execute function private.held()`,
  )
  const batch = { ...emptyBatch(), acks: [String(message['wa_id'])] }
  await expect(
    projectSafely(store.projection, batch, { logger: quiet, givesUp: (attempt) => attempt >= 2 }),
  ).rejects.toMatchObject({ code: '57014' })
  const waits = projectSafely(store.projection, batch, patience)
  await Promise.race([waits, pause(300)])
  await store.watch.query('drop trigger held on public.messages_new')
  expect(await waits).toEqual({ refused: [] })
  expect(await store.watch.query('select status from public.messages_new where id = $1', [message.id])).toEqual([
    { status: 'sent' },
  ])
})
