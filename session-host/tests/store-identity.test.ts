import { expect, test, vi } from 'vitest'
import { incoming, openStore } from './open-store.ts'
import { bea, jidOf, lidOf, startGateway, ana } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const pn = jidOf(bea)
const lid = lidOf(bea)

test.for([
  ['number first, with the LID', [{ chat: pn, alt: lid }, { chat: pn }, { chat: lid }]],
  ['LID first, with the number', [{ chat: lid, alt: pn }, { chat: lid }, { chat: pn }]],
  ['number alone, the LID later', [{ chat: pn }, { chat: lid, alt: pn }, { chat: lid }]],
  ['LID alone, the number later', [{ chat: lid }, { chat: pn, alt: lid }, { chat: pn }]],
  ['both alone, then one person', [{ chat: lid }, { chat: pn }, { chat: lid, alt: pn }]],
] as const)('%s: one conversation under the number, every message once and in order', async ([, stanzas]) => {
  await using store = await openStore()
  for (const [at, { chat, ...rest }] of stanzas.entries())
    await store.project({
      messages: [incoming(chat, `m${at}`, { at: 1_700_000_000 + at, ...('alt' in rest ? { chatAlt: rest.alt } : {}) })],
    })
  expect(await store.conversations()).toEqual([
    { external_id: pn, name: expect.any(String), unread: 3, texts: ['m0', 'm1', 'm2'] },
  ])
  expect(await store.watch.query('select 1 from public.contacts')).toHaveLength(1)
  // Both ids answer.
  const found = await store.watch.query(
    'select private.find_conversation($1, $2) = private.find_conversation($1, $3) as same',
    [store.lease.userId, pn, lid],
  )
  expect(found).toEqual([{ same: true }])
})

test('a mapping that is learned later, by itself, joins two conversations; the old one’s id and the message both had go on', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(lid, 'solo lid'), incoming(lid, 'doble')] })
  await store.project({ messages: [incoming(pn, 'doble'), incoming(pn, 'solo pn')] })
  const before = await store.watch.query<{ id: string }>('select id from public.conversations_new order by created_at')
  await store.project({ people: [{ jid: pn, alt: lid, name: 'Bea Ruiz' }] })
  const [conversation, ...others] = await store.conversations()
  expect(others).toEqual([])
  expect(conversation).toMatchObject({ external_id: pn, name: 'Bea Ruiz' })
  expect(conversation?.texts.toSorted()).toEqual(['doble', 'solo lid', 'solo pn'])
  const answers = new Set<string>()
  for (const { id } of before) {
    const [row] = await store.watch.query<{ id: string }>('select private.find_conversation($1, $2) as id', [
      store.lease.userId,
      id,
    ])
    answers.add(row?.id ?? 'none')
  }
  expect(answers).toEqual(new Set([before[0]?.id]))
  const events = await store.watch.query<{ data: object }>(
    `select data from public.session_events where type = 'conversation.merged'`,
  )
  expect(events).toEqual([{ data: { conversation_id: before[0]?.id, merged_id: before[1]?.id } }])
})

test('a number that moved to another person leaves the old conversation to the old LID', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(pn, 'de Bea', { chatAlt: lid })] })
  await store.project({ messages: [incoming(pn, 'de otra', { chatAlt: '299999999999999@lid', at: 1_700_000_100 })] })
  expect(await store.conversations()).toMatchObject([
    { external_id: lid, texts: ['de Bea'] },
    { external_id: pn, texts: ['de otra'] },
  ])
})

test('what is projected twice is stored once, announced once and counted once', async () => {
  await using store = await openStore()
  const batch = { messages: [incoming(pn, 'una'), incoming(pn, 'dos')], people: [{ jid: pn, alt: lid }] }
  await store.project(batch)
  const events = await store.watch.query('select 1 from public.session_events')
  await store.project(batch)
  expect(await store.conversations()).toMatchObject([{ unread: 2, texts: ['una', 'dos'] }])
  expect(await store.watch.query('select 1 from public.session_events')).toHaveLength(events.length)
})

test('seq has no gaps, whoever writes at once', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(pn, 'primero', { chatAlt: lid })] })
  await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      at % 2
        ? store.project({ messages: [incoming(pn, `entra ${at}`)] })
        : store.requests.submitMessage(store.lease.userId, { conversation: pn, text: `sale ${at}` }),
    ),
  )
  const rows = await store.watch.query<{ seq: string }>('select seq from public.session_events order by seq')
  expect(rows.map((row) => Number(row.seq))).toEqual(rows.map((_, at) => at + 1))
  const [stream] = await store.watch.query<{ last_seq: string }>('select last_seq from private.session_streams')
  expect(Number(stream?.last_seq)).toBe(rows.length)
})

test('content takes the place of a placeholder, a placeholder never that of content', async () => {
  await using store = await openStore()
  const placeholder = { type: 'unsupported' as const, text: null, unsupportedType: 'ciphertext' }
  await store.project({ messages: [incoming(pn, 'x', placeholder)] })
  await store.project({ messages: [incoming(pn, 'x', { text: 'ahora sí' })] })
  await store.project({ messages: [incoming(pn, 'x', placeholder)] })
  expect(await store.conversations()).toMatchObject([{ unread: 1, texts: ['ahora sí'] }])
})

test('only the author edits or deletes a message', async () => {
  await using store = await openStore()
  await store.project({
    messages: [incoming(pn, 'suyo'), incoming(pn, 'mío', { fromMe: true, status: 'sent' })],
  })
  // The contact means the account's message, and the account the contact's.
  await store.project({
    changes: [
      { kind: 'edit', text: 'falso', chat: pn, waId: 'mío', fromMe: false, at: 1_700_000_001 },
      { kind: 'revoke', chat: pn, waId: 'suyo', fromMe: true, at: 1_700_000_001 },
    ],
  })
  expect((await store.conversations())[0]?.texts.toSorted()).toEqual(['mío', 'suyo'])
  await store.project({
    changes: [
      { kind: 'edit', text: 'suyo, corregido', chat: pn, waId: 'suyo', fromMe: false, at: 1_700_000_002 },
      { kind: 'revoke', chat: pn, waId: 'mío', fromMe: true, at: 1_700_000_002 },
    ],
  })
  expect((await store.conversations())[0]?.texts.filter((text) => text !== null)).toEqual(['suyo, corregido'])
})

test('statuses only rise, and a receipt proves a message sent that was never acknowledged', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(pn, 'hola', { chatAlt: lid })] })
  const { message } = await store.requests.submitMessage(store.lease.userId, { conversation: pn, text: 'responde' })
  await store.commands.claim(5)
  const waId = String(message['wa_id'])
  const status = async (): Promise<unknown> =>
    (await store.watch.query('select status from public.messages_new where id = $1', [message.id]))[0]?.['status']
  await store.project({ receipts: [{ chat: lid, waId, fromMe: true, status: 'read' }] })
  expect(await status()).toBe('read')
  await store.project({ receipts: [{ chat: pn, waId, fromMe: true, status: 'delivered' }] })
  await store.project({ acks: [waId] })
  expect(await status()).toBe('read')
  expect(await store.watch.query('select status from private.session_commands')).toEqual([{ status: 'done' }])
})

test('names and subjects that Postgres can’t hold, or hold whole, hide no message', async () => {
  await using store = await openStore()
  const long = 'ñ'.repeat(300)
  await store.project({
    messages: [incoming(pn, 'hola', { pushName: `Be\0a` }), incoming('123-456@g.us', 'grupo', { sender: pn })],
    chats: [{ jid: '123-456@g.us', name: `${long}\0` }],
    people: [{ jid: lidOf(ana), name: '\0' }],
  })
  const named = await store.conversations()
  expect(named.toSorted((a, b) => a.external_id.localeCompare(b.external_id))).toMatchObject([
    { name: expect.stringMatching(/^ñ{256}$/), texts: ['grupo'] },
    { name: 'Bea', texts: ['hola'] },
  ])
})

test('end to end: a contact who writes by LID and by number is one conversation that both ids answer', async () => {
  await using gateway = await startGateway()
  const member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  for (const as of ['lid', 'pn', 'lid'] as const)
    await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: `por ${as}`, as })
  await gateway.database.until('select 1 from public.messages_new', [], (rows) => rows.length === 3)
  const { body } = await gateway.rest(member, 'GET', 'get_conversations')
  expect(body['conversations']).toMatchObject([{ external_id: pn, unread_count: 3 }])
  for (const id of [pn, lid]) {
    const answer = await gateway.rest(member, 'GET', `get_messages?conversationId=${encodeURIComponent(id)}`)
    expect((answer.body['messages'] as object[]).length).toBe(3)
  }
})
