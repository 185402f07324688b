import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { emptyBatch, type InboundMessage } from '#shared/inbound.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createCommandStore } from '../../session-host/store/commands.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { wasRolledBack } from '../../session-host/store/was-rolled-back.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { asUser, createLinkedSession, hostDatabase, readAll, type LinkedSession } from './linked-session.fixture.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let stack: ServedDatabase
let database: Database
let session: LinkedSession
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack)
  session = await createLinkedSession(stack, database)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const chat = '34600000001@s.whatsapp.net'
const at = Math.floor(Date.now() / 1000)

async function receive(message: { waId: string; fromMe?: boolean; expiresAt?: number; at?: number }): Promise<Row> {
  const { fromMe = false } = message
  await createProjection(database, session.lease).project({
    ...emptyBatch(),
    messages: [
      {
        chat,
        at,
        type: 'text',
        text: message.waId,
        status: fromMe ? 'sent' : 'received',
        live: true,
        ...message,
        fromMe,
      },
    ],
  })
  const [row] = await database.query<Row>(
    'select id, conversation_id from public.messages_new where session_id = $1 and wa_id = $2',
    [session.sessionId, message.waId],
  )
  if (!row) throw new Error('the message was not stored')
  return row
}
interface Row {
  id: string
  conversation_id: string
}

test.each([
  ['edit_message($1, $3, $2)', ['other words']],
  ['delete_message($1, $2)', []],
])('a key that was used answers as the first time though its message is gone: %s', async (call, more) => {
  const { id } = await receive({ waId: `M${randomUUID()}`, fromMe: true })
  const key = randomUUID()
  const ask = async (text: unknown[]): Promise<Record<string, unknown> | undefined> =>
    asUser(database, session.userId, async (query) => {
      const [row] = await query<{ answer: Record<string, unknown> }>(`select private.${call} as answer`, [
        id,
        key,
        ...text,
      ])
      return row?.answer
    })
  const first = await ask(more)
  await database.query('update public.messages_new set revoked_at = now(), text_content = null where id = $1', [id])
  expect(await ask(more)).toEqual({ ...first, replayed: true })
  const other = await receive({ waId: `M${randomUUID()}`, fromMe: true })
  await expect(
    asUser(database, session.userId, (query) => query('select private.delete_message($1, $2)', [other.id, key])),
  ).rejects.toThrow('used for another request')
})

test('what disappears does not bring a message back that was deleted for the account alone', async () => {
  const shown = await receive({ waId: 'shown', at: at + 10 })
  const hidden = await receive({ waId: 'hidden', at: at + 20 })
  const leaving = await receive({ waId: 'leaving', at: at + 30, expiresAt: at + 100_000 })
  await database.query('update public.messages_new set hidden_at = now() where id = $1', [hidden.id])
  await database.query(`update public.messages_new set expires_at = now() - interval '1 second' where id = $1`, [
    leaving.id,
  ])
  await database.query('select private.expire_messages()')
  expect(
    await database.query('select last_message_id from public.conversations_new where id = $1', [shown.conversation_id]),
  ).toEqual([{ last_message_id: shown.id }])
})

test('an edit that arrives while its reader marks the chat as read takes rows in the same order: nobody is in the way', async () => {
  const { id, conversation_id } = await receive({ waId: 'edited', at: at + 40 })
  let project: Promise<void> | undefined
  await database.transaction(async (transaction) => {
    await transaction.query('select 1 from public.conversations_new where id = $1 for update', [conversation_id])
    project = createProjection(database, session.lease).project({
      ...emptyBatch(),
      changes: [{ chat, waId: 'edited', fromMe: false, at: at + 50, kind: 'edit', text: 'said better' }],
    })
    await lockIsAwaited()
    await transaction.query(`set local lock_timeout = '3s'`)
    await transaction.query(`update public.messages_new set status = 'read' where id = $1`, [id])
  })
  await project
  expect(await database.query('select status, text_content from public.messages_new where id = $1', [id])).toEqual([
    { status: 'read', text_content: 'said better' },
  ])
})

test.each([['in one batch'], ['one after the other']])(
  'in a group nobody fills in what somebody else wrote and could not be read yet, %s',
  async (how) => {
    const waId = `G${randomUUID()}`
    const group = '120363000000000001@g.us'
    const base = { chat: group, waId, fromMe: false, at, status: 'received' as const, live: true }
    const placeholder = {
      ...base,
      type: 'unsupported' as const,
      text: null,
      unsupportedType: 'ciphertext',
      sender: '34600000002@s.whatsapp.net',
    }
    const forged = { ...base, type: 'text' as const, text: 'forged', sender: '34600000003@s.whatsapp.net' }
    const real = { ...base, type: 'text' as const, text: 'real', sender: placeholder.sender }
    const batches = how === 'in one batch' ? [[placeholder, forged], [real]] : [[placeholder], [forged], [real]]
    const texts: (string | null)[] = []
    for (const messages of batches) {
      await createProjection(database, session.lease).project({ ...emptyBatch(), messages })
      const rows = await database.query<{ text_content: string | null }>(
        'select text_content from public.messages_new where session_id = $1 and wa_id = $2',
        [session.sessionId, waId],
      )
      texts.push(...rows.map((row) => row.text_content))
    }
    expect(texts).toEqual([...batches.slice(1).map(() => null), 'real'])
  },
)

async function lockIsAwaited(): Promise<void> {
  for (;;) {
    const rows = await database.query('select 1 from pg_locks where not granted')
    if (rows.length > 0) return
  }
}

const group = '120363000000000009@g.us'
const author = { pn: '34600000011@s.whatsapp.net', lid: '900000000000011@lid' }
const admin = { pn: '34600000012@s.whatsapp.net', lid: '900000000000012@lid' }
const member = '34600000013@s.whatsapp.net'

async function inGroup(): Promise<string> {
  const waId = `G${randomUUID()}`
  await createProjection(database, session.lease).project({
    ...emptyBatch(),
    people: [author, admin].map(({ pn, lid }) => ({ jid: pn, alt: lid })),
    chats: [
      {
        jid: group,
        name: 'Amigos',
        group: {
          participants: [
            { jid: author.lid, role: 'member' },
            { jid: admin.lid, role: 'admin' },
            { jid: member, role: 'member' },
          ],
        },
      },
    ],
    messages: [
      {
        chat: group,
        waId,
        fromMe: false,
        sender: author.pn,
        at,
        type: 'text',
        text: 'hi',
        status: 'received',
        live: true,
      },
    ],
  })
  return waId
}
async function textAfter(waId: string, sender: string, change: { kind: 'edit'; text: string } | { kind: 'revoke' }) {
  await createProjection(database, session.lease).project({
    ...emptyBatch(),
    changes: [{ chat: group, waId, fromMe: false, sender, at, ...change }],
  })
  const [row] = await database.query<{ text_content: string | null }>(
    'select text_content from public.messages_new where session_id = $1 and wa_id = $2',
    [session.sessionId, waId],
  )
  return row?.text_content
}

test('in a group its author edits a message under either JID, nobody else does', async () => {
  const waId = await inGroup()
  expect(await textAfter(waId, author.lid, { kind: 'edit', text: 'mine' })).toBe('mine')
  expect(await textAfter(waId, admin.pn, { kind: 'edit', text: 'forged' })).toBe('mine')
  expect(await textAfter(waId, member, { kind: 'edit', text: 'forged' })).toBe('mine')
})

test('in a group its author under either JID and an admin under either JID delete a message, no other member does', async () => {
  for (const who of [author.lid, author.pn, admin.pn, admin.lid]) {
    const waId = await inGroup()
    expect(await textAfter(waId, member, { kind: 'revoke' })).toBe('hi')
    expect(await textAfter(waId, who, { kind: 'revoke' })).toBeNull()
  }
})

test('a key that was used answers as the first time: a reaction on what is deleted, a group that was left', async () => {
  const { id } = await receive({ waId: `M${randomUUID()}` })
  await inGroup()
  const mine = `select c.id, c.user_id from public.conversations_new c where c.session_id = $1 and c.external_id = $2`
  await database.query(
    `insert into public.group_participants (conversation_id, user_id, jid, role)
       select c.id, c.user_id, s.phone || '@s.whatsapp.net', 'member'
         from (${mine}) c, public.whatsapp_sessions s where s.id = $1`,
    [session.sessionId, group],
  )
  const calls: [string, unknown[]][] = [
    ['react_to_message($2, $3, $1)', [id, '👍']],
    ['group_command($2, $3, $4, $1)', [group, 'leave', '{}']],
  ]
  const keys = calls.map(() => randomUUID())
  const ask = () =>
    asUser(database, session.userId, async (query) => {
      const answers: object[] = []
      for (const [index, [call, values]] of calls.entries())
        for (const { it } of await query<{ it: object }>(`select private.${call} as it`, [keys[index], ...values]))
          answers.push(it)
      return answers
    })
  const first = await ask()
  await database.query('update public.messages_new set revoked_at = now(), text_content = null where id = $1', [id])
  await database.query(
    `update public.groups set left_at = now() where conversation_id in (select id from (${mine}) c)`,
    [session.sessionId, group],
  )
  expect(await ask()).toEqual(first.map((answer) => ({ ...answer, replayed: true })))
})

test('a key that was used answers as the first time though the mute that it asked for is over', async () => {
  const { conversation_id } = await receive({ waId: `M${randomUUID()}` })
  const state = JSON.stringify({ muted_until: new Date(Date.now() - 60_000).toISOString() })
  const key = randomUUID()
  await readAll(
    stack,
    `select private.remember_result($1, $2, private.fingerprint(jsonb_build_array('set_chat_state', $3::uuid, $4::jsonb)), '{"first": 1}')`,
    [session.userId, key, conversation_id, state],
  )
  const ask = (used: string) =>
    asUser(database, session.userId, (query) =>
      query('select private.set_chat_state($1, $2, $3) as it', [chat, state, used]),
    )
  expect(await ask(key)).toEqual([{ it: { first: 1, replayed: true } }])
  await expect(ask(randomUUID())).rejects.toThrow('a time to come')
})

test('the text of an edit goes with its command, however that ends', async () => {
  for (const status of ['done', 'dead']) {
    const [row] = await database.query<{ id: string }>(
      `insert into private.session_commands (session_id, user_id, kind, lane, payload)
         values ($1, $2, 'edit_message', 'x', '{"text": "secret", "wa_id": "W"}') returning id`,
      [session.sessionId, session.userId],
    )
    const [closed] = await database.query(
      'update private.session_commands set status = $2, finished_at = now() where id = $1 returning payload',
      [row?.id, status],
    )
    expect(closed).toEqual({ payload: { wa_id: 'W' } })
  }
})

test('a person is called as saved on the phone, else as the business that WhatsApp has verified, else as they call themselves, else by number', async () => {
  const projection = createProjection(database, session.lease)
  const jid = '34600000078@s.whatsapp.net'
  await projection.openConversation(jid, undefined)
  const called = async (): Promise<unknown> => {
    const [row] = await database.query<{ name: string }>(
      'select contact_name as name from public.conversations_new where session_id = $1 and external_id = $2',
      [session.sessionId, jid],
    )
    return row?.name
  }
  const names = [await called()]
  for (const said of [{ pushName: 'Carlita' }, { verifiedName: 'Carla S. L.' }, { name: 'Carla Soler' }]) {
    await projection.project({ ...emptyBatch(), people: [{ jid, ...said }] })
    names.push(await called())
  }
  await projection.project({ ...emptyBatch(), people: [{ jid, pushName: 'Otra', verifiedName: 'Otra S. L.' }] })
  names.push(await called())
  expect(names).toEqual(['+34 600 00 00 78', 'Carlita', 'Carla S. L.', 'Carla Soler', 'Carla Soler'])
})

test('what the account reads on its phone before the history brings it here is read when it comes', async () => {
  const projection = createProjection(database, session.lease)
  const other = '34600000077@s.whatsapp.net'
  const said = (waId: string, n: number): InboundMessage => ({
    chat: other,
    waId,
    fromMe: false,
    at: at + n,
    type: 'text',
    text: waId,
    status: 'received',
    live: false,
  })
  await projection.project({
    ...emptyBatch(),
    receipts: [{ chat: other, waId: 'H2', fromMe: false, status: 'read' }],
  })
  const [chunk] = await database.query<{ id: string }>(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice)
       values ($1, $2, $3, 'x', 'initial', 'x') returning id`,
    [session.sessionId, session.userId, '7'.repeat(64)],
  )
  await projection.project({
    ...emptyBatch(),
    chats: [{ jid: other, unread: 3, snapshotAt: at + 3, snapshotIds: ['H3'] }],
    messages: [said('H1', 1), said('H2', 2), said('H3', 3)],
    history: { chunkId: chunk?.id ?? '', syncType: 'initial', position: 1, isLast: true, pairs: [] },
  })
  expect(
    await database.query(
      `select c.unread_count as unread, array_agg(m.status order by m.created_at) as statuses
         from public.messages_new m join public.conversations_new c on c.id = m.conversation_id
         where c.session_id = $1 and c.external_id = $2 group by 1`,
      [session.sessionId, other],
    ),
  ).toEqual([{ unread: 1, statuses: ['read', 'read', 'received'] }])
  expect(
    await database.query(`select 1 from private.early_receipts where session_id = $1`, [session.sessionId]),
  ).toEqual([])
})

test('a live message of the second in which the phone took its picture of the chat is counted as unread once', async () => {
  const projection = createProjection(database, session.lease)
  const other = '34600000076@s.whatsapp.net'
  const said = (waId: string, live: boolean): InboundMessage => ({
    chat: other,
    waId,
    fromMe: false,
    at,
    type: 'text',
    text: waId,
    status: 'received',
    live,
  })
  // Of what came live before the chunk, the phone had counted one and not the other.
  await projection.project({ ...emptyBatch(), messages: [said('L1', true), said('L2', true)] })
  const [chunk] = await database.query<{ id: string }>(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice)
       values ($1, $2, $3, 'y', 'initial', 'y') returning id`,
    [session.sessionId, session.userId, '8'.repeat(64)],
  )
  await projection.project({
    ...emptyBatch(),
    chats: [{ jid: other, unread: 2, snapshotAt: at, snapshotIds: ['H1', 'L1'] }],
    messages: [said('H1', false), said('L1', false)],
    history: { chunkId: chunk?.id ?? '', syncType: 'initial', position: 1, isLast: true, pairs: [] },
  })
  expect(
    await database.query(
      `select unread_count as unread from public.conversations_new where session_id = $1 and external_id = $2`,
      [session.sessionId, other],
    ),
  ).toEqual([{ unread: 3 }])
})

test.each(['initial', 'recent'] as const)(
  'what the account sets of a chat before its %s history brings it here holds when it comes',
  async (syncType) => {
    const projection = createProjection(database, session.lease)
    const number = `3460000008${syncType === 'initial' ? 1 : 2}@s.whatsapp.net`
    const lid = number.replace('346', '1346').replace('s.whatsapp.net', 'lid')
    const said = (waId: string, n: number): InboundMessage => ({
      chat: number,
      waId,
      fromMe: false,
      at: at - 100 + n,
      type: 'text',
      text: waId,
      status: 'received',
      live: false,
    })
    await projection.project({
      ...emptyBatch(),
      states: [
        { chat: lid, kind: 'archive', on: false },
        { chat: lid, kind: 'archive', on: true },
        { chat: number, kind: 'mute', until: -1 },
        { chat: number, kind: 'read', on: true, until: at - 98 },
      ],
    })
    // What is set again before the chat is there counts instead.
    await projection.project({ ...emptyBatch(), states: [{ chat: number, kind: 'mute', until: null }] })
    const [chunk] = await database.query<{ id: string }>(
      `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice)
         values ($1, $2, $3, $4, $4, 'x') returning id`,
      [session.sessionId, session.userId, lid.padStart(64, '0').slice(0, 64), syncType],
    )
    await projection.project({
      ...emptyBatch(),
      chats: [{ jid: number, alt: lid, unread: 3, snapshotAt: at - 97, mutedUntil: -1, archived: false }],
      messages: [said('H1', 1), said('H2', 2), said('H3', 3)],
      history: { chunkId: chunk?.id ?? '', syncType, position: 1, isLast: true, pairs: [] },
    })
    expect(
      await database.query(
        `select unread_count as unread, archived, muted_until from public.conversations_new
           where session_id = $1 and external_id in ($2, $3)`,
        [session.sessionId, number, lid],
      ),
    ).toEqual([{ unread: 1, archived: true, muted_until: null }])
    expect(
      await database.query('select 1 from private.early_states where session_id = $1', [session.sessionId]),
    ).toEqual([])
  },
)

test.each([
  ['a mapping', (number: string, lid: string) => ({ people: [{ jid: number, alt: lid }] })],
  [
    'a LID that was known by itself',
    (number: string, lid: string) => ({ people: [{ jid: lid }, { jid: number, alt: lid }] }),
  ],
  [
    'its history',
    (number: string, lid: string) => ({
      chats: [{ jid: number, alt: lid }],
      history: { chunkId: randomUUID(), syncType: 'recent', position: 1, isLast: false, pairs: [] },
    }),
  ],
  [
    'another number',
    (number: string, lid: string) => ({
      numberChanges: [{ id: lid, at, before: { number }, after: { number: number.replace('346', '347'), lid } }],
    }),
  ],
])(
  'what was set under a LID holds in the conversation of the number when %s tells that they are one',
  async (how, news) => {
    const projection = createProjection(database, session.lease)
    const number = `346${String(how.length).padStart(8, '4')}@s.whatsapp.net`
    const lid = number.replace('346', '1346').replace('s.whatsapp.net', 'lid')
    await projection.project({
      ...emptyBatch(),
      states: [
        { chat: lid, kind: 'archive', on: true },
        { chat: lid, kind: 'pin', on: false, at },
        { chat: lid, kind: 'read', on: true, until: at },
      ],
    })
    const said = { chat: number, fromMe: false, type: 'text', text: 'x', status: 'received', live: true } as const
    await projection.project({
      ...emptyBatch(),
      messages: [
        { ...said, waId: `${how}1`, at: at - 1 },
        { ...said, waId: `${how}2`, at: at + 1 },
      ],
    })
    // What was set since is newer than what waited.
    await projection.project({ ...emptyBatch(), states: [{ chat: number, kind: 'pin', on: true, at }] })
    const logged = await lastSeq()
    await projection.project({ ...emptyBatch(), ...news(number, lid) })
    const [row] = await database.query<{ id: string }>(
      `select c.id, unread_count as unread, archived, pinned_at is not null as pinned from public.conversations_new c
       join public.contact_identities i on i.contact_id = c.contact_id where i.session_id = $1 and i.jid = $2`,
      [session.sessionId, lid],
    )
    expect(row).toMatchObject({ unread: 1, archived: true, pinned: true })
    expect(
      await database.query(
        `select 1 from public.session_events
         where session_id = $1 and seq > $2 and type = 'conversation.updated' and data ->> 'conversation_id' = $3`,
        [session.sessionId, logged, row?.id],
      ),
    ).not.toEqual([])
    expect(
      await database.query('select 1 from private.early_states where session_id = $1', [session.sessionId]),
    ).toEqual([])
  },
)

test('what was set of a chat that is then opened here holds in it', async () => {
  const projection = createProjection(database, session.lease)
  const jid = '34600000095@s.whatsapp.net'
  await projection.project({ ...emptyBatch(), states: [{ chat: jid, kind: 'mute', until: -1 }] })
  const id = await projection.openConversation(jid, undefined)
  expect(
    await database.query('select muted_until is not null as muted from public.conversations_new where id = $1', [id]),
  ).toEqual([{ muted: true }])
})

async function lastSeq(): Promise<number> {
  const [row] = await database.query<{ seq: number }>(
    'select last_seq as seq from private.session_streams where session_id = $1',
    [session.sessionId],
  )
  return row?.seq ?? 0
}

test('texts submitted together are refused together when the conversation of one becomes one with another meanwhile', async () => {
  const [first, second] = [34600000091, 34600000092].map((number) => `${number}@s.whatsapp.net`)
  await createProjection(database, session.lease).project({
    ...emptyBatch(),
    chats: [first, second].flatMap((jid) => (jid ? [{ jid }] : [])),
  })
  const submitted = { outcome: undefined as Promise<unknown> | undefined }
  await database.transaction(async (transaction) => {
    // A merge of conversations holds the one that goes.
    await transaction.query(
      'select 1 from public.conversations_new where session_id = $1 and external_id = $2 for update',
      [session.sessionId, second],
    )
    submitted.outcome = asUser(database, session.userId, (query) =>
      query('select * from private.submit_texts($1)', [
        JSON.stringify([first, second].map((conversation) => ({ conversation, text: 'juntos', key: null }))),
      ]),
    ).catch((error: unknown) => error)
    await vi.waitFor(
      async () =>
        expect(
          await readAll(
            stack,
            `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%submit_texts%'`,
          ),
        ).toHaveLength(1),
      { timeout: 60_000 },
    )
    await transaction.query('delete from public.conversations_new where session_id = $1 and external_id = $2', [
      session.sessionId,
      second,
    ])
  })
  const refusal = await submitted.outcome
  expect(wasRolledBack(refusal)).toBe(true)
  expect(String(refusal)).toContain('Conversation not found')
  expect(await database.query(`select 1 from public.messages_new where text_content = 'juntos'`)).toEqual([])
})

test('receipts whose message never comes are forgotten after a day', async () => {
  await database.query(
    `insert into private.early_receipts (session_id, chat_jid, wa_id, status, received_at)
       values ($1, '1@lid', 'old', 'read', now() - interval '25 hours'), ($1, '1@lid', 'new', 'read', now())`,
    [session.sessionId],
  )
  await database.query('select private.trim()')
  expect(
    await database.query('select wa_id from private.early_receipts where session_id = $1', [session.sessionId]),
  ).toEqual([{ wa_id: 'new' }])
})

test('a send that is given up while its receipt arrives takes the message before its command: nobody is in the way', async () => {
  const { id } = await receive({ waId: `M${randomUUID()}`, fromMe: true })
  await database.query(`update public.messages_new set status = 'pending' where id = $1`, [id])
  await database.query(
    `insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, message_id, payload, attempts)
       select session_id, user_id, 'send_message', id::text, conversation_id, id, '{}', 0
         from public.messages_new where id = $1`,
    [id],
  )
  const commands = createCommandStore(database, session.lease)
  const command = (await commands.claim(100)).commands.find(
    (each) => each.kind === 'send_message' && each.message_id === id,
  )
  if (!command) throw new Error('the command was not claimed')
  let given: Promise<void> | undefined
  await database.transaction(async (transaction) => {
    await transaction.query('select 1 from public.messages_new where id = $1 for update', [id])
    given = commands.failMessage(command, 'send_timeout')
    await lockIsAwaited()
    await transaction.query(`set local lock_timeout = '3s'`)
    await transaction.query(`update public.messages_new set status = 'delivered' where id = $1`, [id])
    await transaction.query(
      `update private.session_commands set status = 'done', finished_at = now() where message_id = $1`,
      [id],
    )
  })
  await given
  expect(await database.query('select status from public.messages_new where id = $1', [id])).toEqual([
    { status: 'delivered' },
  ])
})

test('nobody shows presence more often than the limit, which an administrator sets; a pause helps', async () => {
  await receive({ waId: `M${randomUUID()}` })
  const type = () =>
    asUser(database, session.userId, (query) => query(`select private.set_presence('composing', $1)`, [chat]))
  await readAll(
    stack,
    `create or replace function private.rate_limit(p_kind text) returns table (per_second real, burst integer)
       language sql immutable set search_path = '' as $$ select 1::real / 86400, 3 $$`,
  )
  for (let n = 0; n < 3; n++) await type()
  await expect(type()).rejects.toMatchObject({ code: 'PT429', hint: 'rate_limited' })
  await readAll(stack, `update private.rate_buckets set at = at - interval '1 day'`)
  await type()
  await expect(type()).rejects.toMatchObject({ code: 'PT429', hint: 'rate_limited' })
})

test('a forward holds its original: its file is not removed under the copy, and what went before is not forwarded', async () => {
  const target = await receive({ waId: `F${randomUUID()}` })
  const file = async (): Promise<Row & { path: string }> => {
    const row = await receive({ waId: `F${randomUUID()}` })
    const path = `${session.userId}/in/${row.id}.jpg`
    await database.query(
      `update public.messages_new set message_type = 'image', media_status = 'stored', media_url = $2 where id = $1`,
      [row.id, path],
    )
    await database.query('insert into private.message_protos (message_id, user_id, proto) values ($1, $2, $3)', [
      row.id,
      session.userId,
      Buffer.from('x'),
    ])
    return { ...row, path }
  }
  const removals = (path: string) => database.query('select 1 from private.media_removals where path = $1', [path])

  const first = await file()
  let removal: Promise<unknown> | undefined
  await asUser(database, session.userId, async (query) => {
    await query('select private.forward_message($1, $2, null)', [first.id, target.conversation_id])
    removal = database.query('delete from public.messages_new where id = $1', [first.id])
    await lockIsAwaited()
  })
  await removal
  expect(await database.query('select 1 from public.messages_new where media_url = $1', [first.path])).toHaveLength(1)
  expect(await removals(first.path)).toEqual([])

  const second = await file()
  let forward: Promise<unknown> | undefined
  await database.transaction(async (transaction) => {
    await transaction.query('delete from public.messages_new where id = $1', [second.id])
    forward = asUser(database, session.userId, (query) =>
      query('select private.forward_message($1, $2, null)', [second.id, target.conversation_id]),
    ).catch((error: { hint?: string }) => error.hint)
    await lockIsAwaited()
  })
  expect(await forward).toBe('message_not_found')
  expect(await removals(second.path)).toHaveLength(1)
})
