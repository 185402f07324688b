import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, lidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'
import { startHostProcess } from './start-host-process.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const eva = { number: '34600000003', lid: '200000000000003', name: 'Eva', push_name: 'Eva' }
let gateway: Gateway
let member: Member

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 10 })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, eva] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function send(conversationId: string, textContent: string): Promise<{ id: string; wa_id: string }> {
  const { body } = await gateway.rest<{ body: { message: { id: string; wa_id: string } } }>(
    member,
    'POST',
    'send_message',
    { conversationId, textContent },
  )
  return body.message
}

const untilStatus = (id: string, status: string) =>
  gateway.database.until<{ status: string }>(
    'select status from public.messages_new where id = $1',
    [id],
    (rows) => rows[0]?.status === status,
  )

test('a message of ours is sent, delivered, read and played, as the contact’s phone says', async () => {
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'hola' })
  await gateway.database.until('select 1 from public.messages_new', [], (rows) => rows.length > 0)
  const client = await gateway.join(member)
  const message = await send(jidOf(bea), '¿lo oyes?')
  await untilStatus(message.id, 'delivered')
  await gateway.control.post(`/phones/${bea.number}/read`, { with: ana.number })
  await untilStatus(message.id, 'read')
  await gateway.control.post(`/phones/${bea.number}/played`, { with: ana.number, id: message.wa_id })
  await untilStatus(message.id, 'played')
  await client.next<{ data: { status?: string } }>('event', (event) => event.data.status === 'played')
  const told = client.received.flatMap(({ data }) => {
    const { type, data: facts } = (data ?? {}) as { type?: string; data?: { message_id: string; status: string } }
    return type === 'message.status' && facts?.message_id === message.id ? [facts.status] : []
  })
  expect(told).toEqual(['sent', 'delivered', 'read', 'played'])
})

test('in a group each member’s receipt is kept: as many are stored as came', async () => {
  const { jid } = await gateway.control.post<{ jid: string }>('/groups', {
    by: bea.number,
    subject: 'Vecinos',
    members: [{ number: ana.number }, { number: eva.number }],
  })
  const [group] = await gateway.database.until<{ id: string }>(
    'select id from public.conversations_new where external_id = $1',
    [jid],
    (rows) => rows.length > 0,
  )
  const messages = []
  for (const text of ['uno', 'dos', 'tres']) messages.push(await send(group?.id ?? '', text))
  for (const { id } of messages) await untilStatus(id, 'sent')
  for (const phone of [bea, eva]) {
    for (const { wa_id: id } of messages) await gateway.shown(phone.number, jid, (shown) => shown.id === id)
    await gateway.control.post(`/phones/${phone.number}/read`, { with: jid })
  }
  const rows = await gateway.database.until<{ participant_jid: string; status: string }>(
    `select participant_jid, status from public.message_receipts where message_id = any($1) and status = 'read'
       order by participant_jid, message_id`,
    [messages.map(({ id }) => id)],
    (found) => found.length === 6,
  )
  expect(rows.map((row) => row.participant_jid)).toEqual([bea, bea, bea, eva, eva, eva].map(lidOf))
})

test.for(['lid', 'pn'] as const)(
  'what the own phone reads of a chat by %s is read here: nothing is unread',
  async (as) => {
    const client = await gateway.join(member)
    for (const text of ['leído 1', 'leído 2', 'leído 3'])
      await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: `${text} ${as}`, as })
    await gateway.database.until(
      'select 1 from public.messages_new where text_content = $1',
      [`leído 3 ${as}`],
      (rows) => rows.length > 0,
    )
    await gateway.control.post(`/phones/${ana.number}/read`, { with: bea.number })
    const read = await client.next<{ conversation?: { unread_count: number; external_id: string } }>(
      'event',
      (event) => event.conversation?.unread_count === 0 && event.conversation.external_id === jidOf(bea),
    )
    expect(read.conversation?.unread_count).toBe(0)
    const left = await gateway.database.query("select 1 from public.messages_new where status = 'received'")
    expect(left).toEqual([])
  },
)

test('what the own phone reads of a group is read here', async () => {
  const [{ external_id: jid } = { external_id: '' }] = await gateway.database.query<{ external_id: string }>(
    "select external_id from public.conversations_new where kind = 'group'",
  )
  await gateway.control.post(`/groups/${jid}/say`, { from: eva.number, text: 'en el grupo' })
  await gateway.database.until(
    'select 1 from public.conversations_new where external_id = $1 and unread_count = 1',
    [jid],
    (rows) => rows.length > 0,
  )
  await gateway.control.post(`/phones/${ana.number}/read`, { with: jid })
  const read = await gateway.database.until(
    'select unread_count from public.conversations_new where external_id = $1 and unread_count = 0',
    [jid],
    (rows) => rows.length > 0,
  )
  expect(read).toEqual([{ unread_count: 0 }])
})

test('a receipt that comes before its message, and a burst of them, are not lost', async () => {
  // The own phone writes while nothing is stored here: the contact's receipts are on their way with the message.
  await gateway.stopHost()
  const ids: string[] = []
  for (const text of ['antes 1', 'antes 2', 'antes 3'])
    ids.push((await gateway.control.post<{ id: string }>(`/phones/${ana.number}/say`, { to: bea.number, text })).id)
  await gateway.control.post(`/phones/${bea.number}/read`, { with: ana.number })
  await gateway.restartHost()
  await gateway.database.until(
    "select 1 from public.messages_new where wa_id = any($1) and status = 'read'",
    [ids],
    (rows) => rows.length === ids.length,
  )
  expect(await gateway.database.query('select 1 from private.early_receipts')).toEqual([])
})

test('a host that dies before a receipt is stored has not acknowledged it: it comes again', async () => {
  await gateway.stopHost()
  const first = await startHostProcess(gateway.environment)
  gateway.moveTo(first.url)
  const { id } = await send(jidOf(bea), 'antes del fallo')
  await untilStatus(id, 'delivered')
  // Whoever stores the receipt waits for this row.
  const holder = new pg.Client({ connectionString: gateway.stack.adminDatabaseUrl })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select 1 from public.messages_new where id = $1 for update', [id])
  await gateway.control.post(`/phones/${bea.number}/read`, { with: ana.number })
  await gateway.database.until(
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%raise_statuses%'",
    [],
    (rows) => rows.length > 0,
  )
  await first.end()
  // As if the statement had died with its host.
  await gateway.database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and query like '%raise_statuses%'",
  )
  await holder.end()
  expect(await gateway.database.query('select status from public.messages_new where id = $1', [id])).toEqual([
    { status: 'delivered' },
  ])
  // Nobody waits until the dead host's lease has run out.
  await gateway.database.query('update private.session_leases set expires_at = now()')
  await using second = await startHostProcess(gateway.environment)
  gateway.moveTo(second.url)
  await untilStatus(id, 'read')
})
