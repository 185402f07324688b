import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type Member, type RestAnswer } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const third = { number: '34600000003', lid: '200000000000003', name: 'Cid', push_name: 'Cid' }
const conversationId = jidOf(bea)

let gateway: Gateway
let member: Member

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, third] })
  for (const { number } of [bea, third])
    await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${number}` })
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Sent {
  id: string
  wa_id: string
  status: string
  content: Record<string, unknown>
}
interface Shown {
  id: string
  text: string
  kind: string
  copies: number
  reactions?: Record<string, string>
  votes?: Record<string, string[]>
  edited?: boolean
}

const post = (path: string, body: object, headers: object = {}): Promise<RestAnswer> =>
  gateway.rest(member, 'POST', path, body, headers)

/** Sends, and waits until the contact's phone shows it: the row, and what the phone got. */
async function send(
  path: string,
  body: object,
): Promise<{ row: Sent; content: Record<string, Record<string, unknown>> }> {
  const { status, body: answer } = await post(path, { conversationId, ...body })
  expect([status, answer.error?.code]).toEqual([202, undefined])
  const row = answer['message'] as Sent
  await shown(row.wa_id)
  await sent(row.id)
  return { row, content: await gateway.control.get(`/phones/${bea.number}/messages/${row.wa_id}/content`) }
}

const sent = (id: string) =>
  gateway.database.until<{ status: string }>(
    'select status from public.messages_new where id = $1',
    [id],
    ([row]) => row !== undefined && ['sent', 'delivered', 'read'].includes(row.status),
  )

const shown = async (id: string, fits: (message: Shown) => boolean = () => true): Promise<Shown> =>
  gateway.control.until(async () => {
    const path = `/phones/${bea.number}/messages?with=${ana.number}`
    const { messages } = await gateway.control.get<{ messages: Shown[] }>(path)
    return messages.find((message) => message.id === id && fits(message))
  })

async function received(text: string): Promise<{ id: string; waId: string }> {
  const { id: waId } = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, { to: ana.number, text })
  const [row] = await gateway.database.until<{ id: string }>(
    'select id from public.messages_new where wa_id = $1',
    [waId],
    (rows) => rows.length > 0,
  )
  return { id: row?.id ?? '', waId }
}

const readRow = async (id: string) =>
  (await gateway.database.query<Record<string, unknown>>('select * from public.messages_new where id = $1', [id]))[0]

test('a text carries its mentions and the preview that came with it', async () => {
  const textContent = `Hola @${bea.number} https://example.com`
  const { content } = await send('send_message', {
    textContent,
    mentions: [jidOf(bea)],
    preview: { url: 'https://example.com', title: 'Ejemplo' },
  })
  expect(content['extendedTextMessage']).toMatchObject({
    text: textContent,
    matchedText: 'https://example.com',
    title: 'Ejemplo',
    contextInfo: { mentionedJid: [jidOf(bea)] },
  })
})

test('a reply quotes what it answers', async () => {
  const asked = await received('¿Vienes?')
  const { content, row } = await send('send_message', { textContent: 'Sí', replyTo: asked.id })
  expect(content['extendedTextMessage']).toMatchObject({
    contextInfo: { stanzaId: asked.waId, quotedMessage: { conversation: '¿Vienes?' } },
  })
  expect(row.content).toMatchObject({ quote: { wa_id: asked.waId, text: '¿Vienes?' } })
})

test('a place arrives with its coordinates', async () => {
  const { content } = await send('send_location', { latitude: 40.4168, longitude: -3.7038, name: 'Sol' })
  expect(content['locationMessage']).toMatchObject({ degreesLatitude: 40.4168, degreesLongitude: -3.7038, name: 'Sol' })
})

test('contact cards arrive as vCards, one or several', async () => {
  const one = await send('send_contacts', { contacts: [{ name: 'Ruiz, Bea', phones: ['+34 600 111 222'] }] })
  expect(one.content['contactMessage']?.['vcard']).toBe(
    'BEGIN:VCARD\nVERSION:3.0\nFN:Ruiz\\, Bea\nTEL;type=CELL;waid=34600111222:+34 600 111 222\nEND:VCARD',
  )
  const two = await send('send_contacts', {
    contacts: [
      { name: 'Uno', phones: ['34600111222'] },
      { name: 'Dos', phones: ['34600111223'] },
    ],
  })
  expect(two.content['contactsArrayMessage']?.['contacts']).toHaveLength(2)
})

test('votes on a poll of ours are counted, and ours on another’s arrive', async () => {
  const { row } = await send('send_poll', { name: '¿Cuándo?', options: ['hoy', 'mañana'] })
  await gateway.control.post(`/phones/${bea.number}/vote`, { to: ana.number, id: row.wa_id, options: ['hoy'] })
  await gateway.database.until('select interactions from public.messages_new where id = $1', [row.id], ([each]) =>
    JSON.stringify(each).includes('"hoy"'),
  )
  const poll = { to: ana.number, name: '¿Dónde?', options: ['aquí', 'allí'], selectable: 0 }
  const { id } = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/poll`, poll)
  const [theirs] = await gateway.database.until<{ id: string }>(
    'select id from public.messages_new where wa_id = $1',
    [id],
    (rows) => rows.length > 0,
  )
  expect((await post('vote', { messageId: theirs?.id, options: ['allí'] })).status).toBe(200)
  expect((await shown(id, (message) => message.votes !== undefined)).votes).toEqual({ [ana.number]: ['allí'] })
  expect(await readRow(theirs?.id ?? '')).toMatchObject({
    interactions: [{ type: 'poll_vote', from: 'me', options: ['allí'] }],
  })
})

test('a reaction is set and taken back', async () => {
  const { id, waId } = await received('reacciona')
  expect((await post('react', { messageId: id, emoji: '❤️' })).status).toBe(200)
  expect((await shown(waId, (message) => message.reactions !== undefined)).reactions).toEqual({ [ana.number]: '❤️' })
  expect((await post('react', { messageId: id, emoji: null })).status).toBe(200)
  await shown(waId, (message) => Object.keys(message.reactions ?? {}).length === 0)
  expect(await readRow(id)).toMatchObject({ interactions: [{ type: 'reaction', from: 'me', emoji: null }] })
})

test('a text is edited, then deleted for everyone', async () => {
  const { row } = await send('send_message', { textContent: 'con herrata' })
  expect((await post('edit_message', { messageId: row.id, textContent: 'con errata' })).status).toBe(200)
  expect(await shown(row.wa_id, (message) => message.edited === true)).toMatchObject({ text: 'con errata' })
  expect(await readRow(row.id)).toMatchObject({ text_content: 'con errata' })
  expect((await post('delete_message', { messageId: row.id })).status).toBe(200)
  await shown(row.wa_id, (message) => message.kind === 'revoked')
  const deleted = await readRow(row.id)
  expect(deleted).toMatchObject({ text_content: null, content: {} })
  expect(deleted?.['revoked_at']).not.toBeNull()
  // The text of the edit is nowhere any more.
  const left = await gateway.database.query(
    `select 1 from private.session_commands where payload::text like '%con errata%'`,
  )
  expect(left).toEqual([])
})

test('a forwarded message arrives marked as such', async () => {
  const { id } = await received('para reenviar')
  const { content } = await send('forward_message', { messageId: id })
  expect(content['extendedTextMessage']).toMatchObject({
    text: 'para reenviar',
    contextInfo: { isForwarded: true, forwardingScore: 1 },
  })
})

test('the timer of a chat is set, and what is sent then disappears', async () => {
  expect((await post('set_disappearing', { conversationId, seconds: 86_400 })).status).toBe(200)
  const { content, row } = await send('send_message', { textContent: 'efímero' })
  expect(content['extendedTextMessage']).toMatchObject({ contextInfo: { expiration: 86_400 } })
  expect((await readRow(row.id))?.['expires_at']).not.toBeNull()
  expect((await post('set_disappearing', { conversationId, seconds: 0 })).status).toBe(200)
})

test('a message that the contact’s phone could not read at first is there once in the end', async () => {
  await gateway.control.post('/faults', { fault: 'forget_sessions', number: bea.number })
  const { row, content } = await send('send_location', { latitude: 1, longitude: 2, name: 'otra vez' })
  expect(content['locationMessage']).toMatchObject({ name: 'otra vez' })
  expect((await shown(row.wa_id)).copies).toBe(1)
})

test('the socket takes the same actions, with the same answers', async () => {
  const client = await gateway.join(member)
  const place = { conversationId, latitude: 7, longitude: 8, idempotencyKey: randomUUID() }
  const answer = (await client.ask('send-location' as never, place as never)) as {
    ok: boolean
    data: { message: Sent }
  }
  expect(answer.ok).toBe(true)
  await shown(answer.data.message.wa_id)
  expect(await client.ask('send-poll' as never, { conversationId, name: '', options: [] } as never)).toMatchObject({
    ok: false,
    error: { code: 'invalid_poll' },
  })
})

test('a group is made, changed and left, with what became of each person', async () => {
  const created = await post('create_group', { subject: 'Cena', participants: [jidOf(bea)] })
  expect(created).toMatchObject({ status: 200, body: { result: { participants: [{ jid: jidOf(bea), ok: true }] } } })
  const group = (created.body['result'] as { conversation_id: string }).conversation_id
  const ask = (path: string, body: object = {}) => post(path, { conversationId: group, ...body })
  const add = { action: 'add', participants: [jidOf(third), '34699999999@s.whatsapp.net'] }
  expect((await ask('group_participants', add)).body['result']).toMatchObject({
    participants: [{ ok: true }, { jid: '34699999999@s.whatsapp.net', ok: false, code: 'not_on_whatsapp' }],
  })
  expect((await ask('update_group', { subject: 'Cena del viernes', description: 'A las 9' })).status).toBe(200)
  const { groups } = await gateway.control.get<{ groups: { subject: string; description: string }[] }>('/groups')
  expect(groups).toEqual([expect.objectContaining({ subject: 'Cena del viernes', description: 'A las 9' })])
  expect((await ask('leave_group')).status).toBe(200)
})

test('a poll is kept as it left, and sending goes on after a restart', async () => {
  const { row } = await send('send_poll', { name: '¿Otra vez?', options: ['sí', 'no'] })
  const [kept] = await gateway.database.query<{ proto: Buffer }>(
    'select proto from private.message_protos where message_id = $1',
    [row.id],
  )
  expect(kept?.proto.length).toBeGreaterThan(32)
  await gateway.restartHost()
  await gateway.database.until(
    'select status from public.whatsapp_sessions where user_id = $1',
    [member.id],
    ([session]) => (session as { status?: string } | undefined)?.status === 'connected',
  )
  await gateway.control.post('/faults', { fault: 'forget_sessions', number: bea.number })
  await send('send_contacts', { contacts: [{ name: 'Tras reinicio', phones: ['34600111222'] }] })
})

test('a call that rings is announced and can be refused; one that nobody takes leaves a notice', async () => {
  const client = await gateway.join(member)
  const { id } = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/call`, {
    to: ana.number,
    video: true,
  })
  const isCall = (type: string, call: string) => (event: { type?: string; data?: { call_id?: string } }) =>
    event.type === type && event.data?.call_id === call
  expect(await client.next('event', isCall('call.incoming', id))).toMatchObject({ data: { video: true } })
  expect((await post('reject_call', { callId: id })).status).toBe(200)
  expect(await client.next('event', isCall('call.ended', id))).toMatchObject({ data: { outcome: 'rejected' } })
  expect((await post('reject_call', { callId: id })).body.error?.code).toBe('call_not_found')

  const missed = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/call`, { to: ana.number })
  await client.next('event', isCall('call.incoming', missed.id))
  await gateway.control.post(`/phones/${bea.number}/hang_up`, { to: ana.number, id: missed.id })
  expect(await client.next('event', isCall('call.ended', missed.id))).toMatchObject({ data: { outcome: 'missed' } })
  const notices = await gateway.database.query(
    `select sender_type, content -> 'notice' ->> 'kind' as kind from public.messages_new where wa_id = $1`,
    [`call-${missed.id}`],
  )
  expect(notices).toEqual([{ sender_type: 'system', kind: 'missed_call' }])
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
