import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyBatch, type InboundBatch, type InboundMessage } from '#shared/inbound.ts'
import { createCredentialStore } from '../../session-host/store/credentials.ts'
import type { Database } from '../../session-host/store/database.ts'
import { isLeaseLost } from '../../session-host/store/fenced.ts'
import { createGroupCommit } from '../../session-host/store/group-commit.ts'
import { createLeaseStore } from '../../session-host/store/leases.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createStatuses } from '../../session-host/store/statuses.ts'
import { createSealedBox } from '../../session-host/store/sealed-box.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { asUser, createLinkedSession, hostDatabase, type LinkedSession } from './linked-session.fixture.ts'

let stack: ServedDatabase
let database: Database
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack, 8)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const holder = '7f3c2a52-3c1d-4b8e-9d5e-000000000001'
const chats = ['34600000001@s.whatsapp.net', '900000000000001@lid', '120363000000000001@g.us']

const message = fc.record({
  chat: fc.nat({ max: 2 }),
  waId: fc.nat({ max: 12 }),
  fromMe: fc.boolean(),
  at: fc.nat({ max: 3 }),
  text: fc.string({ maxLength: 6, unit: 'grapheme' }),
  pushName: fc.option(fc.constantFrom('Ana', 'Ana María'), { nil: undefined }),
  alt: fc.boolean(),
  live: fc.boolean(),
  placeholder: fc.boolean(),
  bad: fc.integer({ min: 0, max: 20 }),
})
const batch = fc.record({
  session: fc.nat({ max: 2 }),
  messages: fc.array(message, { minLength: 1, maxLength: 3 }),
  receipt: fc.option(fc.nat({ max: 12 }), { nil: undefined }),
})
type Drawn = typeof batch extends fc.Arbitrary<infer T> ? T : never

function batchOf({ messages, receipt }: Drawn, inbox: string): InboundBatch {
  return {
    ...emptyBatch(),
    messages: messages.map((drawn): InboundMessage => {
      const chat = chats[drawn.chat] ?? ''
      return {
        chat,
        ...(drawn.alt && drawn.chat < 2 ? { chatAlt: chats[1 - drawn.chat] ?? '' } : {}),
        waId: `wa${drawn.waId}`,
        fromMe: drawn.fromMe,
        at: 1_790_000_000 + drawn.at,
        // Bad luck: a kind that the table refuses.
        type: drawn.bad === 0 ? ('nonsense' as 'text') : drawn.placeholder ? 'unsupported' : 'text',
        text: drawn.placeholder ? null : drawn.text,
        ...(drawn.placeholder ? { unsupportedType: 'ciphertext' } : {}),
        ...(drawn.pushName ? { pushName: drawn.pushName } : {}),
        ...(drawn.chat === 2 && !drawn.fromMe ? { sender: chats[0] ?? '' } : {}),
        status: drawn.fromMe ? 'sent' : 'received',
        live: drawn.live,
        inboxKey: inbox,
      }
    }),
    inbox: [inbox],
    ...(receipt === undefined
      ? {}
      : { receipts: [{ chat: chats[0] ?? '', waId: `wa${receipt}`, fromMe: true, status: 'read' as const }] }),
  }
}

test('grouped or alone, batches end in the same rows, events and refusals, whatever other sessions receive meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 4, maxLength: 24 }), async (drawn) => {
      const grouped = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database, { holder })))
      const alone = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database, { holder })))
      const inboxes = drawn.map((_, n) => `stanza${n}`)
      for (const session of [...grouped, ...alone]) await fillInbox(session, inboxes)
      const group = createGroupCommit(database, { holder, inFlight: 1 })
      const together = grouped.map(({ lease }) => group.forLease(lease))
      const apart = alone.map(({ lease }) => createProjection(database, lease))

      const outcomes = await Promise.allSettled(
        drawn.map(async (item, n) => together[item.session]?.project(batchOf(item, `stanza${n}`))),
      )
      const expected: PromiseSettledResult<unknown>[] = []
      for (const [n, item] of drawn.entries())
        expected.push(...(await Promise.allSettled([apart[item.session]?.project(batchOf(item, `stanza${n}`))])))

      expect(outcomes.map(({ status }) => status)).toEqual(expected.map(({ status }) => status))
      for (const [n, session] of grouped.entries())
        expect(await rowsOf(session)).toEqual(await rowsOf(alone[n] ?? session))
    }),
    { numRuns: 15, endOnFailure: true },
  )
})

test('a session that lost its lease stores nothing in a group, and the others everything', async () => {
  const sessions = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database, { holder })))
  const [lost] = sessions
  if (!lost) throw new Error('a session is missing')
  for (const { lease } of sessions)
    await createProjection(database, lease).project({ ...emptyBatch(), chats: [{ jid: chats[0] ?? '' }] })
  await createLeaseStore(database, { holder, seconds: 1 }).release(lost.lease)
  const group = createGroupCommit(database, { holder, inFlight: 1 })
  const outcomes = await Promise.allSettled(
    sessions.flatMap(({ lease }) => {
      const projection = group.forLease(lease)
      return [1, 2].map((waId) => projection.project(plain(String(waId))))
    }),
  )
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'stored' : isLeaseLost(outcome.reason)))).toEqual([
    true,
    true,
    'stored',
    'stored',
    'stored',
    'stored',
  ])
  const counts = await Promise.all(sessions.map(async (session) => (await rowsOf(session))['messages']?.length))
  expect(counts).toEqual([0, 2, 2])
})

test('a conversation that somebody holds keeps neither its own keys nor the messages of others waiting', async () => {
  const sessions = await Promise.all([0, 1].map(() => createLinkedSession(stack, database, { holder })))
  const [held, other] = sessions
  if (!held || !other) throw new Error('a session is missing')
  for (const { lease } of sessions)
    await createProjection(database, lease).project({ ...emptyBatch(), chats: [{ jid: chats[0] ?? '' }] })
  const locked = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  const holding = database.transaction(async (transaction) => {
    await transaction.query('select 1 from public.conversations_new where session_id = $1 for update', [held.sessionId])
    locked.resolve()
    await over.promise
  })
  await locked.promise
  const group = createGroupCommit(database, { holder, inFlight: 1 })
  const committed = Promise.withResolvers<void>()
  const inbox = [{ id: 'stanza', stanzaKey: 'stanza', value: Buffer.from('sealed') }]
  const written = group.keys
    .write(held.lease, { credentials: null, keys: [], inbox, committed: committed.promise })
    .then(committed.resolve)
  const waits = group.forLease(held.lease).project({ ...plain('1'), inbox: ['stanza'] }, committed.promise)
  await written
  await group.forLease(other.lease).project(plain('1'))
  expect((await rowsOf(held))['messages']).toEqual([])
  over.resolve()
  await Promise.all([holding, waits])
  expect((await rowsOf(held))['messages']).toHaveLength(1)
  // Sooner than a statement is given up.
}, 20_000)

test('what many sessions receive at once is stored by few statements', async () => {
  const sessions = await Promise.all(Array.from({ length: 20 }, () => createLinkedSession(stack, database, { holder })))
  for (const { lease } of sessions)
    await createProjection(database, lease).project({ ...emptyBatch(), chats: [{ jid: chats[0] ?? '' }] })
  let statements = 0
  const counting: Database = {
    ...database,
    query: (text, values) => {
      statements += 1
      return database.query(text, values)
    },
    transaction: () => Promise.reject(new Error('a plain batch went alone')),
  }
  const group = createGroupCommit(counting, { holder, inFlight: 1 })
  await Promise.all(sessions.map(({ lease }) => group.forLease(lease).project(plain('1'))))
  expect(statements).toBe(1)
})

test('a sender whose name comes beside the message, as Baileys reports it each time, sends no message alone', async () => {
  const jid = chats[0] ?? ''
  const named = (waId: string, pushName: string): InboundBatch => {
    const batch_ = plain(waId)
    return {
      ...batch_,
      messages: batch_.messages.map((each) => ({ ...each, pushName })),
      people: [{ jid, pushName }],
    }
  }
  const session = await createLinkedSession(stack, database, { holder })
  let alone = 0
  const counting: Database = {
    ...database,
    transaction: (work) => {
      alone += 1
      return database.transaction(work)
    },
  }
  const projection = createGroupCommit(counting, { holder, inFlight: 1 }).forLease(session.lease)
  await projection.project(named('1', 'Ana'))
  const first = alone
  expect(first).toBeGreaterThan(0)
  await projection.project(named('2', 'Ana'))
  expect(alone).toBe(first)
  // A new name is more than the statement knows.
  await projection.project(named('3', 'Ana María'))
  expect(alone).toBeGreaterThan(first)
  const names = await database.query<{ push_name: string }>(
    'select push_name from public.contacts where session_id = $1',
    [session.lease.sessionId],
  )
  expect(names).toEqual([{ push_name: 'Ana María' }])
})

test('acknowledgements of many sessions share a statement; of a lost lease they are refused and change nothing', async () => {
  const sessions = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database, { holder })))
  const [lost] = sessions
  if (!lost) throw new Error('a session is missing')
  const sent = await Promise.all(
    sessions.map(async ({ userId, lease }) => {
      await createProjection(database, lease).project({ ...emptyBatch(), chats: [{ jid: chats[0] ?? '' }] })
      return asUser(database, userId, async (query) => {
        const [row] = await query<{ answer: { message: { id: string; wa_id: string } } }>(
          `select private.submit_message($1, 'hello', null, null, 'user') as answer`,
          [chats[0]],
        )
        if (!row) throw new Error('submit_message answered nothing')
        return { lease, ...row.answer.message }
      })
    }),
  )
  await createLeaseStore(database, { holder, seconds: 1 }).release(lost.lease)
  const statuses = createStatuses(database, { holder, inFlight: 1 })
  // Twice each: WhatsApp may say so again.
  const outcomes = await Promise.allSettled(
    [...sent, ...sent].map(({ lease, wa_id }) => statuses.raise(lease, [{ chat: null, waId: wa_id, status: 'sent' }])),
  )
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : isLeaseLost(outcome.reason)))).toEqual([
    true,
    'done',
    'done',
    true,
    'done',
    'done',
  ])
  const rows = await database.query<{ status: string; command: string; events: number }>(
    `select m.status, c.status as command, (
         select count(*) from public.session_events e
           where e.session_id = m.session_id and e.type = 'message.status' and e.data ->> 'message_id' = m.id::text) as events
       from unnest($1::uuid[]) with ordinality as wanted(id, n)
       join public.messages_new m on m.id = wanted.id join private.session_commands c on c.message_id = m.id order by wanted.n`,
    [sent.map(({ id }) => id)],
  )
  expect(rows).toEqual([
    { status: 'pending', command: 'queued', events: 0 },
    { status: 'sent', command: 'done', events: 1 },
    { status: 'sent', command: 'done', events: 1 },
  ])
})

function plain(waId: string): InboundBatch {
  return {
    ...emptyBatch(),
    messages: [
      {
        chat: chats[0] ?? '',
        waId,
        fromMe: false,
        at: 1_790_000_000,
        type: 'text',
        text: 'hello',
        status: 'received',
        live: true,
      },
    ],
  }
}

async function fillInbox({ lease }: LinkedSession, stanzaKeys: string[]): Promise<void> {
  const box = createSealedBox([{ id: 'a', key: Buffer.alloc(32, 7) }])
  await createCredentialStore(database, box, lease).write({
    keys: [],
    inbox: stanzaKeys.map((stanzaKey) => ({ id: stanzaKey, stanzaKey, value: Buffer.from(stanzaKey) })),
  })
}

/** A session's rows and events without ids, ordinals and times of writing: what two sessions with the same history have in common. */
async function rowsOf({ sessionId }: LinkedSession): Promise<Record<string, unknown[]>> {
  const read = async (text: string): Promise<unknown[]> =>
    (await database.query<{ row: unknown }>(`select to_jsonb(r) as row from (${text}) r`, [sessionId])).map(
      ({ row }) => row,
    )
  return {
    messages: await read(
      `select c.external_id, m.wa_id, m.from_me, m.sender_type, m.message_type, m.text_content, m.created_at, m.sender_jid, m.status,
           m.unsupported_type, row_number() over (order by m.ordinal) as place
         from public.messages_new m join public.conversations_new c on c.id = m.conversation_id
         where m.session_id = $1 order by m.ordinal`,
    ),
    conversations: await read(
      `select c.external_id, c.contact_name, c.unread_count, c.started_at is not null as started, c.last_message_at, c.last_message_text, c.last_message_type,
           c.last_message_from_me, (select m.wa_id from public.messages_new m where m.id = c.last_message_id) as last_wa_id,
           (select m.ordinal = c.last_message_ordinal from public.messages_new m where m.id = c.last_message_id) as right_ordinal
         from public.conversations_new c where c.session_id = $1 order by c.external_id`,
    ),
    people: await read(
      `select array_agg(i.jid order by i.jid) as jids, p.name, p.push_name, p.phone
         from public.contacts p join public.contact_identities i on i.contact_id = p.id where p.session_id = $1
         group by p.id order by 1`,
    ),
    inbox: await read(
      'select stanza_key, projected_at is not null as projected from private.inbox where session_id = $1 order by stanza_key',
    ),
    events: await read(
      `select e.seq, e.type, e.data ->> 'from_me' as from_me, e.data ->> 'status' as status, e.data ->> 'unread_count' as unread_count,
           (select m.wa_id from public.messages_new m where m.id = (e.data ->> 'message_id')::uuid) as wa_id
         from public.session_events e where e.session_id = $1 and e.seq > 1 order by e.seq`,
    ),
  }
}

test('keys of many sessions share a statement; of a lost lease none are written, and one refused value costs the others nothing', async () => {
  const box = createSealedBox([{ id: 'k', key: Buffer.alloc(32, 7) }])
  const sessions = await Promise.all(Array.from({ length: 6 }, () => createLinkedSession(stack, database, { holder })))
  const [lost, refused] = sessions
  if (!lost || !refused) throw new Error('a session is missing')
  await createLeaseStore(database, { holder, seconds: 1 }).release(lost.lease)
  let statements = 0
  const counting: Database = {
    ...database,
    query: (text, values) => {
      statements += 1
      return database.query(text, values)
    },
  }
  const commit = createGroupCommit(counting, { holder, inFlight: 1 }).keys
  const stores = sessions.map(({ lease }) => createCredentialStore(database, box, lease, commit))
  const writeAll = (round: string, idOf: (at: number) => string = () => round): Promise<PromiseSettledResult<void>[]> =>
    Promise.allSettled(
      stores.map((store, at) =>
        store.write({
          credentials: Buffer.from(round),
          keys: [{ type: 'session', id: idOf(at), value: Buffer.from(`${round}/${at}`) }],
          inbox: [{ id: idOf(at), stanzaKey: 's', value: Buffer.from(round) }],
        }),
      ),
    )
  const first = await writeAll('one')
  expect(first.map(({ status }) => status)).toEqual(['rejected', ...Array(5).fill('fulfilled')])
  expect(first.map((each) => each.status === 'rejected' && isLeaseLost(each.reason))[0]).toBe(true)
  expect(statements).toBe(1)
  // An id that the table refuses: longer than any of WhatsApp's.
  const second = await writeAll('two', (at) => (at === 1 ? 'x'.repeat(600) : 'two'))
  expect(second.map(({ status }) => status)).toEqual(['rejected', 'rejected', ...Array(4).fill('fulfilled')])
  for (const [at, store] of stores.entries()) {
    const keys = await store.getKeys('session', ['one', 'two'])
    const wanted = at === 0 ? [] : at === 1 ? [`one/${at}`] : [`one/${at}`, `two/${at}`]
    expect([...keys.values()].map(String).toSorted()).toEqual(wanted)
    expect((await store.load())?.toString()).toBe(at === 0 ? undefined : at === 1 ? 'one' : 'two')
    expect(await store.findInbox('two')).toEqual(at < 2 ? null : Buffer.from('two'))
  }
  // What is deleted goes, together with what another session writes.
  await Promise.all([
    stores[2]?.write({ keys: [{ type: 'session', id: 'one', value: null }], inbox: [] }),
    stores[3]?.write({ keys: [{ type: 'session', id: 'one', value: Buffer.from('new') }], inbox: [] }),
  ])
  expect(await stores[2]?.getKeys('session', ['one'])).toEqual(new Map())
  expect(await stores[3]?.getKeys('session', ['one'])).toEqual(new Map([['one', Buffer.from('new')]]))
})

test('keys of a session whose rows somebody holds do not keep those of others waiting', async () => {
  const box = createSealedBox([{ id: 'k', key: Buffer.alloc(32, 7) }])
  const sessions = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database, { holder })))
  const commit = createGroupCommit(database, { holder, inFlight: 2 }).keys
  const stores = sessions.map(({ lease }) => createCredentialStore(database, box, lease, commit))
  const write = async (at: number, value: string): Promise<void> =>
    stores[at]?.write({ keys: [{ type: 'session', id: 'a', value: Buffer.from(value) }], inbox: [] })
  await Promise.all([0, 1, 2].map((at) => write(at, 'old')))
  const held = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const holding = database.transaction(async (transaction) => {
    await transaction.query('select 1 from private.whatsapp_keys where session_id = $1 for update', [
      sessions[0]?.lease.sessionId,
    ])
    held.resolve()
    await release.promise
  })
  await held.promise
  let stored = false
  // The first goes alone; the second waits for the held rows in one statement with the third.
  const others = [write(1, 'new'), write(0, 'new'), write(2, 'new')]
  const late = others[1]?.then(() => (stored = true))
  await Promise.all([others[0], others[2]])
  expect(stored).toBe(false)
  release.resolve()
  await holding
  await late
  for (const store of stores) expect([...(await store.getKeys('session', ['a'])).values()].map(String)).toEqual(['new'])
})

test('a message and the ratchet that decrypted it are one statement, and none is stored whose ratchet can’t be written', async () => {
  const [session, lost] = await Promise.all([0, 1].map(() => createLinkedSession(stack, database, { holder })))
  if (!session || !lost) throw new Error('a session is missing')
  for (const { lease } of [session, lost])
    await createProjection(database, lease).project({ ...emptyBatch(), chats: [{ jid: chats[0] ?? '' }] })
  await createLeaseStore(database, { holder, seconds: 1 }).release(lost.lease)
  let statements = 0
  const counting: Database = {
    ...database,
    query: (text, values) => {
      statements += 1
      return database.query(text, values)
    },
  }
  const group = createGroupCommit(counting, { holder })
  function write({ lease }: LinkedSession, id: string): { committed: Promise<void>; begin: () => void } {
    const { promise: committed, resolve, reject } = Promise.withResolvers<void>()
    const change = {
      credentials: null,
      keys: [{ type: 'session', id, value: Buffer.from('ratchet') }],
      inbox: [{ id, stanzaKey: `key ${id}`, value: Buffer.from('plaintext') }],
      committed,
    }
    return { committed, begin: () => void group.keys.write(lease, change).then(resolve, reject) }
  }
  const received = (waId: string): InboundBatch => ({ ...plain(waId), inbox: [`key ${waId}`] })
  const projection = group.forLease(session.lease)
  const first = write(session, '1')
  first.begin()
  await projection.project(received('1'), first.committed)
  expect(statements).toBe(1)

  // What it came of is not on its way yet.
  const second = write(session, '2')
  const waiting = projection.project(received('2'), second.committed)
  await database.query('select 1')
  expect(statements).toBe(1)
  second.begin()
  await waiting
  expect(statements).toBe(2)

  const refused = write(lost, '3')
  refused.begin()
  await expect(group.forLease(lost.lease).project(received('3'), refused.committed)).rejects.toSatisfy(isLeaseLost)
  const rows = await database.query<{ wa_id: string }>(
    'select wa_id from public.messages_new where session_id = any($1) order by wa_id',
    [[session.lease.sessionId, lost.lease.sessionId]],
  )
  expect(rows.map((row) => row.wa_id)).toEqual(['1', '2'])
  const inbox = await database.query(
    `select id, ciphertext, projected_at is not null as projected from private.inbox where session_id = any($1) order by id`,
    [[session.lease.sessionId, lost.lease.sessionId]],
  )
  expect(inbox).toEqual(['1', '2'].map((id) => ({ id, ciphertext: null, projected: true })))
})
