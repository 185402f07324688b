import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { emptyBatch } from '#shared/inbound.ts'
import { createBroadcaster } from '../../../session-host/store/broadcaster.ts'
import { createCommandStore } from '../../../session-host/store/commands.ts'
import type { Database } from '../../../session-host/store/database.ts'
import { createCredentialStore } from '../../../session-host/store/credentials.ts'
import { createEventReader } from '../../../session-host/store/event-reader.ts'
import { createGroupCommit } from '../../../session-host/store/group-commit.ts'
import type { Lease } from '../../../session-host/store/fenced.ts'
import { createProjection } from '../../../session-host/store/projection.ts'
import { createStatuses } from '../../../session-host/store/statuses.ts'
import { createSealedBox } from '../../../session-host/store/sealed-box.ts'
import { createSocketSlots } from '../../../session-host/store/socket-slots.ts'
import { connect } from '../../local/postgres/bootstrap-database.ts'
import { databaseUrl } from '../../local/postgres/create-postgres-server.ts'
import { functions, type Objects } from '../policy-matrix.ts'
import { startPeople, type People, type Person } from './people.fixture.ts'

/** Plans as they were executed, nested statements of functions included: of a superuser's connection, by the auto_explain module. */
let client: pg.Client
let people: People
let owner: Person
let conversation: string
let plans: PlanNode[] = []
const closing = new AsyncDisposableStack()

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  Plans?: PlanNode[]
}

/** Tables that grow with what users write. */
const large = [
  'messages_new',
  'conversations_new',
  'message_search',
  'contacts',
  'contact_identities',
  'session_events',
  'session_commands',
]

beforeAll(async () => {
  people = closing.use(await startPeople())
  owner = await people.person()
  const others = await people.person()
  for (const [person, conversations, messages] of [
    [owner, 1500, 20_000],
    [others, 30_000, 20_000],
  ] as const)
    await fill(person, conversations, messages)
  await people.query('analyze')
  const [row] = await people.query<{ id: string }>(
    `select id from public.conversations_new where user_id = $1 order by activity_at desc limit 1`,
    [owner.id],
  )
  conversation = row?.id ?? ''

  client = closing.use(await connect(superuserUrl())).client
  client.on('notice', ({ message }) => {
    const json = /plan:\s*(\{[\s\S]*\})/.exec(message ?? '')?.[1]
    if (json !== undefined) plans.push((JSON.parse(json) as { Plan: PlanNode }).Plan)
  })
  await client.query(`load 'auto_explain'`)
  await client.query(`
    set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_format = json;
    set auto_explain.log_level = notice`)
}, 180_000)
afterAll(() => closing.disposeAsync())

/** The test server's superuser, in the database of these tests. */
function superuserUrl(): string {
  const { port, secrets } = inject('embeddedPostgres')
  return databaseUrl(port, secrets, 'supabase_admin', new URL(people.stack.adminDatabaseUrl).pathname.slice(1))
}

async function fill({ id, session }: Person, conversations: number, messages: number): Promise<void> {
  await people.query(
    `with person as (
         insert into public.contacts (user_id, session_id, name, phone)
           select $1, $2, 'Persona ' || g, (34600000000 + g)::text from generate_series(1, $3) g returning id, phone),
       identity as (
         insert into public.contact_identities (session_id, jid, contact_id, user_id)
           select $2, phone || '@s.whatsapp.net', id, $1 from person)
     insert into public.conversations_new (user_id, session_id, contact_id, external_id, last_message_at)
       select $1, $2, id, phone || '@s.whatsapp.net', timestamptz '2025-01-01' + phone::bigint % 10000 * interval '1 hour' from person`,
    [id, session, conversations],
  )
  await people.query(
    `insert into public.messages_new
         (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at)
       select c.ids[1 + g % $3], $1, $2, 'user', 'text', 'hola ' || case when g % 500 = 0 then 'raro ' else '' end || g, g % 3 = 0,
           case when g % 3 = 0 then 'sent' else 'read' end, 'w' || g, timestamptz '2025-01-01' + g * interval '1 minute'
         from generate_series(1, $4::integer) g,
           (select array_agg(id) as ids from public.conversations_new where user_id = $1) c`,
    [id, session, conversations, messages],
  )
  await people.query(
    `select private.append_events($1, $2, (
       select jsonb_agg('{"type": "history.imported", "data": {}}'::jsonb) from generate_series(1, 5000)))`,
    [session, id],
  )
  await people.query(
    `insert into private.session_commands (session_id, user_id, kind, lane, status, finished_at)
       select $1, $2, 'logout', 'lane' || g, case when g <= 20 then 'queued' else 'done' end, case when g > 20 then now() end
         from generate_series(1, 5000) g`,
    [session, id],
  )
}

/** Plans of what `work` makes the role execute. */
async function plansOf(role: string, work: () => Promise<unknown>): Promise<PlanNode[]> {
  plans = []
  await client.query('begin')
  try {
    await client.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
      role,
      JSON.stringify({ role, sub: owner.id }),
    ])
    await work()
  } finally {
    await client.query('rollback')
  }
  return plans
}

/** Large tables that a plan reads from one end to the other. */
function sequentialScans(nodes: PlanNode[]): string[] {
  return nodes.flatMap((node) => [
    ...(node['Node Type'] === 'Seq Scan' && large.includes(node['Relation Name'] ?? '')
      ? [node['Relation Name'] ?? '']
      : []),
    ...sequentialScans(node.Plans ?? []),
  ])
}

/** Large tables that a plan reads at all. */
function tablesRead(nodes: PlanNode[]): Set<string> {
  const own = nodes.flatMap((node) =>
    large.includes(node['Relation Name'] ?? '') ? [node['Relation Name'] ?? ''] : [],
  )
  return new Set([...own, ...nodes.flatMap((node) => [...tablesRead(node.Plans ?? [])])])
}

const place = `timestamptz '2025-01-05', 1`
test.each([
  ['the first page of conversations', 'public.list_conversations()', ['conversations_new']],
  [
    'a deep page of conversations',
    `public.list_conversations(50, '2025-01-20', gen_random_uuid())`,
    ['conversations_new'],
  ],
  ['conversations by name', `public.list_conversations(p_query => 'persona 77')`, ['contacts', 'conversations_new']],
  ['conversations by number', `public.list_conversations(p_query => '600 000 77')`, ['contacts', 'conversations_new']],
  [
    'one conversation by JID',
    `public.get_conversation('34600000077@s.whatsapp.net')`,
    ['conversations_new', 'contact_identities'],
  ],
  ['the newest messages', 'public.list_messages($1)', ['messages_new']],
  ['messages by JID', `public.list_messages('34600000077@s.whatsapp.net')`, ['messages_new', 'conversations_new']],
  ['older messages', `public.list_messages($1, 50, ${place})`, ['messages_new']],
  ['newer messages', "public.list_messages($1, 50, null, null, timestamptz '2025-01-05', 1)", ['messages_new']],
  ['the first page of contacts', 'public.list_contacts()', ['contacts', 'contact_identities', 'conversations_new']],
  ['a deep page of contacts', `public.list_contacts(50, 'persona 7')`, ['contacts']],
  ['contacts by name', `public.list_contacts(p_query => 'ersona 77')`, ['contacts']],
  ['one contact by JID', `public.get_contact('34600000077@s.whatsapp.net')`, ['contacts', 'contact_identities']],
  [
    'a search for a frequent word',
    `public.search_messages('hola')`,
    ['message_search', 'messages_new', 'conversations_new'],
  ],
  [
    'a search for a rare word',
    `public.search_messages('raro 500')`,
    ['message_search', 'messages_new', 'conversations_new'],
  ],
  ['a search that finds nothing', `public.search_messages('nada')`, ['message_search']],
  ['a search in one conversation', `public.search_messages('hola', $1)`, ['message_search', 'messages_new']],
  ['events after a cursor', 'public.list_events(p_after => 4000)', ['session_events']],
  ['submitting a message', `public.submit_message($1, 'hola', 'key')`, ['messages_new', 'conversations_new']],
  ['marking as read', 'public.mark_read($1)', ['messages_new', 'conversations_new']],
] as const)('%s is read through indexes', async (_, call, tables) => {
  const parameters = call.includes('$1') ? [conversation] : []
  const executed = await plansOf('authenticated', () => client.query(`select * from ${call}`, parameters))
  expect(sequentialScans(executed)).toEqual([])
  expect([...tablesRead(executed)]).toEqual(expect.arrayContaining([...tables]))
})

test.each([
  ['their conversations', `conversations_new order by activity_at desc limit 50`],
  [
    'messages of a conversation',
    `messages_new where conversation_id = $1 order by created_at desc, ordinal desc limit 50`,
  ],
  ['one message', `messages_new where id = $1`],
  ['their events', `session_events where session_id = '$session' and seq > 4000 order by seq limit 100`],
])('a user who reads %s from the table itself, without a filter by owner, reads through indexes', async (_, text) => {
  const from = text.replace('$session', owner.session)
  const executed = await plansOf('authenticated', () =>
    client.query(`select * from public.${from}`, from.includes('$1') ? [conversation] : []),
  )
  expect(tablesRead(executed).size).toBe(1)
  expect(sequentialScans(executed)).toEqual([])
})

/** Every function that a user may call, with the arguments that the policy matrix calls it with. */
const callable = Object.entries(functions).flatMap(([signature, { call, execute }]) =>
  call && (execute as readonly string[]).includes('authenticated') ? [{ signature, call }] : [],
)

test.each(callable)('$signature reads large tables through indexes only', async ({ signature, call }) => {
  const given = Object.entries(call(await objectsOfOwner()))
  const list = given.map(([name], n) => `${name} => $${n + 1}`).join(', ')
  const isJson = signature.includes('jsonb')
  const executed = await plansOf('authenticated', () =>
    client
      .query(
        `select * from ${signature.slice(0, signature.indexOf('('))}(${list})`,
        given.map(([, value]) => (isJson && typeof value === 'object' ? JSON.stringify(value) : value)),
      )
      .catch((error: { hint?: string }) => {
        // A refusal (of a medium that is not there, say) comes after what was looked up.
        if (error.hint === undefined) throw error
      }),
  )
  expect(executed.length).toBeGreaterThan(0)
  expect(sequentialScans(executed)).toEqual([])
})

/** One of each of the owner's objects. */
async function objectsOfOwner(): Promise<Objects> {
  const [row] = await people.query<{ message: string; contact: string; command: string }>(
    `select (select id from public.messages_new where conversation_id = $1 order by ordinal desc limit 1) as message,
       (select contact_id from public.conversations_new where id = $1) as contact,
       (select min(id) from private.session_commands where user_id = $2) as command`,
    [conversation, owner.id],
  )
  return {
    userId: owner.id,
    sessionId: owner.session,
    conversationId: conversation,
    messageId: row?.message ?? '',
    contactId: row?.contact ?? '',
    groupId: conversation,
    commandId: Number(row?.command),
    personalityId: randomUUID(),
    jid: '34600000077@s.whatsapp.net',
  }
}

test('what a host does all the time besides reads and writes through indexes: group commits, acknowledgements, keys, sockets, Realtime', async () => {
  const holder = randomUUID()
  const lease: Lease = { sessionId: owner.session, userId: owner.id, holder, epoch: 1 }
  const database = onOneConnection()
  const executed = await plansOf('session_host', async () => {
    await client.query('select private.acquire_lease($1, $2, 60)', [owner.session, holder])
    await createGroupCommit(database, { holder })
      .forLease(lease)
      .project({
        ...emptyBatch(),
        messages: [
          {
            chat: '34600000001@s.whatsapp.net',
            waId: 'live1',
            fromMe: false,
            at: 1_760_000_000,
            type: 'text',
            text: 'hola',
            status: 'received',
            live: true,
          },
        ],
      })
    await createStatuses(database, { holder }).raise(lease, [
      { chat: null, waId: 'w3', status: 'sent' },
      { chat: '34600000001@s.whatsapp.net', waId: 'w3', status: 'delivered' },
    ])
    const credentials = createCredentialStore(database, createSealedBox([{ id: 'a', key: Buffer.alloc(32) }]), lease)
    await credentials.write({
      credentials: Buffer.from('c'),
      keys: [{ type: 'session', id: '1', value: Buffer.from('k') }],
      inbox: [{ id: 'a', stanzaKey: 'b', value: Buffer.from('v') }],
    })
    await credentials.getKeys('session', ['1'])
    await credentials.findInbox('a')
    await credentials.listInbox()
    const slots = createSocketSlots(database, { holder, limit: 5, seconds: 12 })
    await slots.claim('socket', owner.id)
    await slots.renew()
    await slots.release('socket')
    const broadcaster = createBroadcaster(database, { warn: (_, message) => expect.unreachable(message) })
    broadcaster.wake(owner.session)
    broadcaster.wakeAll()
    await broadcaster[Symbol.asyncDispose]()
  })
  expect([...tablesRead(executed)]).toEqual(
    expect.arrayContaining(['messages_new', 'conversations_new', 'session_commands', 'contact_identities']),
  )
  expect(sequentialScans(executed)).toEqual([])
})

test('the host’s own statements, through its store, read and write through indexes', async () => {
  const holder = randomUUID()
  const lease: Lease = { sessionId: owner.session, userId: owner.id, holder, epoch: 1 }
  const database = onOneConnection()
  const query = (text: string, values: unknown[]) => client.query(text, values)
  const jid = (n: number) => `${34600000000 + n}@s.whatsapp.net`
  const message = (n: number, waId: string) => ({
    chat: jid(n),
    waId,
    fromMe: false,
    at: 1_760_000_000,
    type: 'text' as const,
    text: 'hola',
    status: 'received' as const,
    live: true,
  })
  const executed = await plansOf('session_host', async () => {
    await query('select private.acquire_lease($1, $2, 60)', [owner.session, holder])
    const projection = createProjection(database, lease)
    await projection.project({
      ...emptyBatch(),
      people: [{ jid: jid(3), alt: '99@lid', pushName: 'Ana' }],
      chats: [{ jid: jid(4), unread: 2, archived: true }],
      messages: [message(1, 'new1'), message(2, 'new2'), message(9000, 'new3')],
      receipts: [{ chat: jid(1), waId: 'w3', fromMe: true, status: 'read' }],
      changes: [{ chat: jid(1), waId: 'w1', fromMe: false, at: 1_760_000_001, kind: 'edit', text: 'adiós' }],
    })
    const commands = createCommandStore(database, lease)
    const { commands: claimed } = await commands.claim(16)
    expect(claimed.length).toBeGreaterThan(0)
    for (const command of claimed) await commands.finish(command, {})
    await projection.project({ ...emptyBatch(), acks: ['w3'] })
    const reader = createEventReader(database)
    await reader.sessionsOf(owner.id)
    await reader.eventsAfter(owner.session, 5000, 500)
    await query('select * from private.trim()', [])
  })
  expect([...tablesRead(executed)].toSorted()).toEqual(
    large
      .filter((table) => table !== 'contacts')
      .concat('contacts')
      .toSorted(),
  )
  expect(sequentialScans(executed)).toEqual([])
})

/** The host's database on the one connection whose plans are read; its transactions are savepoints of the test's. */
function onOneConnection(): Database {
  const query: Database['query'] = async <Row extends object>(text: string, values?: unknown[]) =>
    (await client.query(text, values)).rows as Row[]
  return {
    query,
    transaction: (work) => work({ inTransaction: true, query }),
    listen: () => Promise.reject(new Error('not here')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
