import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import type { ClaimedCommand } from '#shared/commands.ts'
import { carryOut } from '../sessions/carry-out.ts'
import type { CommandContext } from '../sessions/command-context.ts'
import type { ClaimedWork } from '../store/claimer.ts'
import { isLeaseLost } from '../store/fenced.ts'
import { incoming, openStore, type OpenStore } from './open-store.ts'
import { ana, bea, jidOf, lidOf } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const pn = jidOf(bea)

async function submit(store: OpenStore, text: string, conversation = pn): Promise<string> {
  return (await store.requests.submitMessage(store.lease.userId, { conversation, text })).message.id
}

async function open(): Promise<OpenStore> {
  const store = await openStore()
  await store.project({
    messages: [incoming(pn, 'hola', { chatAlt: lidOf(bea) }), incoming(jidOf(ana), 'buenas', { chatAlt: lidOf(ana) })],
  })
  return store
}

async function claim(store: OpenStore, depth = 1): Promise<ClaimedWork[]> {
  return (await store.commands.claim(10, depth)).commands
}

const aside = ['early_states', 'early_receipts', 'early_changes']

/** What came for chats and messages that are not there yet. */
async function keepAside(store: OpenStore, sessionIds: string[]): Promise<void> {
  await store.watch.query(
    `with sessions as (select unnest($1::uuid[]) as id),
       states as (
         insert into private.early_states (session_id, chat_jid, kind, state)
           select id, '1@lid', 'archive', '{"chat": "1@lid", "kind": "archive", "on": true}' from sessions),
       receipts as (
         insert into private.early_receipts (session_id, chat_jid, wa_id, status) select id, '1@lid', 'E', 'read' from sessions)
     insert into private.early_changes (session_id, chat_jid, wa_id, from_me, change, digest)
       select id, '1@lid', 'E', false, '{}', 'd' from sessions`,
    [sessionIds],
  )
}

const ids = (commands: ClaimedCommand[]): string[] =>
  commands.flatMap((command) => (command.kind === 'send_message' ? [command.message_id] : []))

test('only the head of each conversation is claimed, and the next one when it is done', async () => {
  await using store = await open()
  const first = await submit(store, '1')
  const second = await submit(store, '2')
  const other = await submit(store, 'a', jidOf(ana))
  const claimed = await claim(store)
  expect(ids(claimed)).toEqual([first, other])
  expect(await claim(store)).toEqual([])
  for (const command of claimed) await store.commands.finish(command, {})
  expect(ids(await claim(store))).toEqual([second])
})

test('messages behind one another are claimed together when asked for, and never behind one that is under way or waits', async () => {
  await using store = await open()
  const first = await submit(store, '1')
  const second = await submit(store, '2')
  const third = await submit(store, '3')
  const [one, two] = await claim(store, 2)
  expect([one, two].map((each) => each?.message?.text)).toEqual(['1', '2'])
  expect(ids([one, two] as ClaimedWork[])).toEqual([first, second])
  // What is behind is claimed when all before it has ended.
  expect(await store.commands.claim(10, 2)).toMatchObject({ commands: [], isBehind: true })
  await store.commands.finish(one as ClaimedWork, {})
  expect(await claim(store, 2)).toEqual([])
  await store.commands.retry(two as ClaimedWork, { delaySeconds: 0, counts: false })
  expect(ids(await claim(store, 2))).toEqual([second, third])
})

test('a command of a kind that this host does not know waits for a newer one, and keeps only its own lane waiting', async () => {
  await using store = await open()
  const [added] = await store.watch.query<{ id: string }>(
    `insert into private.session_commands (user_id, session_id, kind, lane, payload) values ($1, $2, 'kind_of_tomorrow', 'tomorrow', '{}')
       returning id::text`,
    [store.lease.userId, store.lease.sessionId],
  )
  const message = await submit(store, '1')
  const claim = await store.commands.claim(10)
  expect(ids(claim.commands)).toEqual([message])
  expect(claim).toMatchObject({ held: 2, unknown: [added?.id] })
  expect(await store.commands.claim(10)).toMatchObject({ commands: [], held: 2, unknown: [] })
})

test('the next try is timed by the head, not by what waits behind it', async () => {
  await using store = await open()
  await submit(store, '1')
  await submit(store, '2')
  const [head] = await claim(store)
  if (!head) throw new Error('nothing claimed')
  expect((await store.commands.claim(10)).secondsToNext).toBeNull()
  await store.commands.retry(head, { delaySeconds: 100, counts: true })
  expect((await store.commands.claim(10)).secondsToNext).toBeGreaterThan(50)
  expect(await claim(store)).toEqual([])
})

test('a command that is given back late does not undo a later claim of it, and a try that does not count leaves none', async () => {
  await using store = await open()
  await submit(store, '1')
  const [first] = await claim(store)
  if (!first) throw new Error('nothing claimed')
  await store.commands.releaseAll([])
  const [second] = await claim(store)
  expect(second).toMatchObject({ id: first.id, attempts: 2 })
  await store.commands.retry(first, { delaySeconds: 0, counts: true })
  expect(await claim(store)).toEqual([])
  await store.commands.retry(second as ClaimedCommand, { delaySeconds: 0, counts: false })
  expect(await claim(store)).toMatchObject([{ id: first.id, attempts: 2 }])
})

test('what is being carried out is not released with the rest', async () => {
  await using store = await open()
  await submit(store, '1')
  await submit(store, 'a', jidOf(ana))
  const [kept, lost] = await claim(store)
  await store.commands.releaseAll([kept?.id ?? ''])
  expect(await claim(store)).toMatchObject([{ id: lost?.id }])
})

test('a merge of two conversations keeps what waits, in order', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(lidOf(bea), 'por lid')] })
  await store.project({ messages: [incoming(pn, 'por número')] })
  const one = await submit(store, '1', lidOf(bea))
  const two = await submit(store, '2', pn)
  await store.project({ people: [{ jid: pn, alt: lidOf(bea) }] })
  const [head] = await claim(store)
  expect(ids(head ? [head] : [])).toEqual([one])
  await store.commands.finish(head as ClaimedCommand, {})
  expect(ids(await claim(store))).toEqual([two])
})

test('what is claimed when its conversation becomes one with another is done to that one; what is not there at all fails', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(lidOf(bea), 'de los dos'), incoming(lidOf(bea), 'suyo')] })
  await store.project({ messages: [incoming(pn, 'de los dos'), incoming(pn, 'del otro')] })
  const messages = await store.watch.query<{ id: string; conversation_id: string; text: string }>(
    'select id, conversation_id, text_content as text from public.messages_new order by ordinal',
  )
  const [kept, , twin, other] = messages
  if (!kept || !twin || !other) throw new Error('no messages')
  const missing = randomUUID()
  const asked: [kind: string, payload: object][] = [
    ['edit_message', { wa_id: 'A', message_id: twin.id, text: 'mejor' }],
    ['star_message', { message_id: other.id, starred: true }],
    ['mark_read', { message_ids: [other.id, twin.id] }],
    ['set_chat_state', { archived: true }],
    ['request_history', { count: 10 }],
    ['group', { action: 'leave' }],
    ['delete_message', { wa_id: 'B', message_id: missing }],
  ]
  for (const [lane, [kind, payload]] of asked.entries())
    await store.watch.query(
      `insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
         values ($1, $2, $3, $4, $5, $6)`,
      [store.lease.sessionId, store.lease.userId, kind, String(lane), twin.conversation_id, JSON.stringify(payload)],
    )
  const outcomes = async (commands: ClaimedWork[]): Promise<unknown[]> => {
    const context = { commands: store.commands } as unknown as CommandContext
    return Promise.all(commands.map((command) => carryOut(command, context)))
  }
  const claimed = (await claim(store)).filter(({ kind }) => kind !== 'mark_read')
  await store.project({ people: [{ jid: pn, alt: lidOf(bea) }] })
  expect(await outcomes(claimed)).toEqual(claimed.map(() => ({ kind: 'later', waitMs: 0 })))
  await store.commands.releaseAll([])

  const again = await claim(store)
  const about = again.map((command) => ({
    conversation: 'conversation_id' in command && command.conversation_id,
    ...('payload' in command ? command.payload : {}),
  }))
  expect(about).toMatchObject(
    [
      { message_id: kept.id },
      { message_id: other.id },
      { message_ids: [other.id, kept.id] },
      { archived: true },
      { count: 10 },
      { action: 'leave' },
      { message_id: missing },
    ].map((payload) => ({ conversation: kept.conversation_id, ...payload })),
  )
  expect(await outcomes(again.filter(({ kind }) => kind === 'delete_message'))).toEqual([
    { kind: 'failed', code: 'message_not_found' },
  ])
})

test('an unlinked session fails what never left, and says so in the log', async () => {
  await using store = await open()
  const id = await submit(store, '1')
  await store.credentials.write({
    credentials: Buffer.from('secret'),
    keys: [{ type: 'session', id: 'x', value: Buffer.from('key') }],
    inbox: [{ id: 'a', stanzaKey: 'b', value: Buffer.from('text') }],
  })
  await keepAside(store, [store.lease.sessionId])
  await store.sessions.wipe('logged_out')
  expect(await store.watch.query('select status, error_code from public.messages_new where id = $1', [id])).toEqual([
    { status: 'failed', error_code: 'session_not_linked' },
  ])
  for (const table of ['whatsapp_credentials', 'whatsapp_keys', 'inbox', ...aside])
    expect(await store.watch.query(`select 1 from private.${table}`), table).toEqual([])
  await expect(submit(store, '2')).rejects.toMatchObject({ hint: 'session_not_linked' })
  expect((await store.conversations()).length).toBe(2)
})

test('a logout takes messages before their commands, as what raises their statuses: nobody is in the way', async () => {
  await using store = await open()
  const id = await submit(store, '1')
  let wiped: Promise<void> | undefined
  await store.database.transaction(async (transaction) => {
    await transaction.query('select 1 from public.messages_new where id = $1 for update', [id])
    wiped = store.sessions.wipe('logged_out')
    await store.watch.until('select 1 from pg_locks where not granted', [], (rows) => rows.length > 0)
    await transaction.query(`set local lock_timeout = '3s'`)
    await transaction.query(`update public.messages_new set status = 'delivered' where id = $1`, [id])
    await transaction.query(`update private.session_commands set status = 'done' where message_id = $1`, [id])
  })
  await wiped
  expect(
    await store.watch.query(
      `select m.status, c.status as command from public.messages_new m
         join private.session_commands c on c.message_id = m.id where m.id = $1`,
      [id],
    ),
  ).toEqual([{ status: 'delivered', command: 'done' }])
})

test('a number that another host is at work on is not linked beside it; then it begins with nothing of an earlier link', async () => {
  await using store = await openStore()
  const { sessionId, userId } = store.lease
  const phone = '34600000002'
  const [other] = await store.watch.query<{ id: string }>(
    'insert into public.whatsapp_sessions (user_id, phone, is_default) values ($1, $2, false) returning id',
    [userId, phone],
  )
  if (!other) throw new Error('no session')
  await store.watch.query(`select private.acquire_lease($1, gen_random_uuid(), 3600)`, [other.id])
  await keepAside(store, [sessionId, other.id])
  const link = (): Promise<unknown> =>
    store.sessions.completeLinking({ phone, lid: null, credentials: Buffer.from('x') }).catch((error: unknown) => error)
  expect(isLeaseLost(await link())).toBe(true)
  expect(await store.watch.query('select session_id from private.whatsapp_credentials')).toEqual([])
  expect(await store.watch.query('select status from public.whatsapp_sessions where id = $1', [sessionId])).toEqual([
    { status: 'connected' },
  ])

  await store.watch.query('update private.session_leases set expires_at = now() where session_id = $1', [other.id])
  expect(await link()).toBe(other.id)
  expect(await store.watch.query('select session_id from private.whatsapp_credentials')).toEqual([
    { session_id: other.id },
  ])
  for (const table of aside) expect(await store.watch.query(`select 1 from private.${table}`), table).toEqual([])
})

test('a session that its owner stopped while it was linking is not set back to linking', async () => {
  await using store = await openStore()
  await store.watch.query(`update public.whatsapp_sessions set desired = 'stopped', status = 'unlinked'`)
  await store.sessions.setStatus({ status: 'linking' })
  await store.sessions.showQr({ dataUrl: 'data:image/png;base64,AA', expiresAt: new Date(), attempt: 1 })
  expect(await store.watch.query('select status from public.whatsapp_sessions')).toEqual([{ status: 'unlinked' }])
  expect(await store.watch.query('select 1 from private.linking_attempts')).toEqual([])
})

test('credentials, keys and messages at rest are not readable in the database', async () => {
  await using store = await openStore()
  await store.credentials.write({
    credentials: Buffer.from('CREDENTIALS-IN-CLEAR'),
    keys: [{ type: 'session', id: 'x', value: Buffer.from('KEY-IN-CLEAR') }],
    inbox: [{ id: 'a', stanzaKey: 'b', value: Buffer.from('TEXT-IN-CLEAR') }],
  })
  for (const table of ['whatsapp_credentials', 'whatsapp_keys', 'inbox']) {
    const [row] = await store.watch.query<{ ciphertext: Buffer }>(`select ciphertext from private.${table}`)
    expect(row?.ciphertext.includes('IN-CLEAR')).toBe(false)
  }
  expect((await store.credentials.load())?.toString()).toBe('CREDENTIALS-IN-CLEAR')
  expect((await store.credentials.getKeys('session', ['x'])).get('x')?.toString()).toBe('KEY-IN-CLEAR')
  // A row that was moved to another place does not open there.
  await store.watch.query(`update private.whatsapp_keys set id = 'y'`)
  await expect(store.credentials.getKeys('session', ['y'])).rejects.toThrow(/./)
})

test('texts that are submitted at once are stored in their order, as if each came by itself; a key’s repeat is its first again', async () => {
  await using store = await open()
  const { userId, sessionId } = store.lease
  const send = (text: string, conversation = pn, idempotencyKey?: string) =>
    store.requests.submitMessage(userId, { conversation, text, ...(idempotencyKey ? { idempotencyKey } : {}) })
  const before = await send('antes', pn, 'clave')
  const [first] = await Promise.all([send('1'), send('2')])
  const answers = await Promise.allSettled([
    send('3'),
    send('antes', pn, 'clave'),
    send('4', jidOf(ana), 'nueva'),
    send('  '),
    send('5', pn, 'clave'),
    send('4', jidOf(ana), 'nueva'),
    send('6', first.message.id.replace(/./g, '0')),
    send('7'),
  ])
  const outcomes = answers.map((answer) =>
    answer.status === 'fulfilled'
      ? [answer.value.message['text_content'], answer.value.replayed]
      : String((answer.reason as { hint?: string }).hint),
  )
  expect(outcomes).toEqual([
    ['3', false],
    ['antes', true],
    ['4', false],
    'empty_text',
    'idempotency_conflict',
    ['4', true],
    'conversation_not_found',
    ['7', false],
  ])
  expect(answers[1]).toMatchObject({ value: { message: { id: before.message.id } } })
  // Many at once, all of them good: one transaction. A row is what submit_message makes of it.
  const together = await Promise.all(
    Array.from({ length: 12 }, (_, n) => send(`junto ${n}`, n % 3 ? pn : jidOf(ana), `k${n}`)),
  )
  const volatile = { id: 0, wa_id: 0, ordinal: 0, created_at: 0, text_content: 0, conversation_id: 0 }
  const [alone] = [first.message]
  for (const { message } of together) expect({ ...message, ...volatile }).toEqual({ ...alone, ...volatile })
  const rows = await store.watch.query<{ text: string; transaction: string; command: string }>(
    `select m.text_content as text, m.xmin::text as transaction, c.id::text as command
       from public.messages_new m join private.session_commands c on c.message_id = m.id
       where m.session_id = $1 and m.from_me order by m.ordinal`,
    [sessionId],
  )
  const texts = ['antes', '1', '2', '3', '4', '7', ...together.map((_, n) => `junto ${n}`)]
  expect(rows.map(({ text }) => text)).toEqual(texts)
  expect(rows.map(({ command }) => Number(command))).toEqual(
    rows.map(({ command }) => Number(command)).toSorted((a, b) => a - b),
  )
  expect(new Set(rows.slice(-11).map(({ transaction }) => transaction)).size).toBe(1)
  expect(
    await store.watch.query(
      `select array_agg(m.text_content order by e.seq) as texts, max(e.seq) - min(e.seq) + 1 = count(*) as gapless
         from public.session_events e join public.messages_new m on m.id = (e.data ->> 'message_id')::uuid
         where e.session_id = $1 and e.type = 'message.created' and m.from_me`,
      [sessionId],
    ),
  ).toEqual([{ texts, gapless: true }])
  expect(
    await store.watch.query(
      'select last_message_text as last from public.conversations_new order by last_message_ordinal',
    ),
  ).toEqual([{ last: 'junto 9' }, { last: 'junto 11' }])
})

test('what was claimed too often is failed by the next claim, which says so in the log and takes the next one', async () => {
  await using store = await open()
  const poison = await submit(store, '1')
  const next = await submit(store, '2')
  await store.watch.query('update private.session_commands set attempts = 20 where message_id = $1', [poison])
  expect(ids(await claim(store))).toEqual([next])
  expect(await store.watch.query('select status, error_code from public.messages_new where id = $1', [poison])).toEqual(
    [{ status: 'failed', error_code: 'send_timeout' }],
  )
  expect(
    await store.watch.query('select type, data from public.session_events order by seq desc limit 1'),
  ).toMatchObject([
    { type: 'message.status', data: { message_id: poison, status: 'failed', error_code: 'send_timeout' } },
  ])
})
