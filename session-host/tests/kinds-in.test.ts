import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, lidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const third = { number: '34600000003', lid: '200000000000003', name: 'Cid', push_name: 'Cid' }
const script = '<script>alert(1)</script><img src=x onerror=alert(2)>'

let gateway: Gateway
let member: Member
let group: { jid: string }

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, third] })
  group = await gateway.control.post('/groups', {
    by: bea.number,
    subject: 'Obra',
    members: [{ number: ana.number }, { number: third.number }],
  })
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Row {
  id: string
  wa_id: string
  sender_type: string
  message_type: string
  text_content: string | null
  content: Record<string, unknown>
  interactions: object[]
  status: string
  reply_to_wa_id: string | null
  edited_at: string | null
  revoked_at: string | null
  expires_at: string | null
  media_mime_type: string | null
  media_duration_seconds: number | null
}

/** A contact's phone does something; answers the id of the message that went out. */
async function phone(path: string, body: object, by = bea.number): Promise<string> {
  return (await gateway.control.post<{ id: string }>(`/phones/${by}/${path}`, { to: ana.number, ...body })).id
}

/** The row of a message as REST shows it, once it fits. */
async function row(waId: string, fits: (row: Row) => boolean = () => true, chat = jidOf(bea)): Promise<Row> {
  await gateway.database.until<{ id: string }>(
    'select id from public.messages_new where wa_id = $1',
    [waId],
    (rows) => rows.length > 0,
  )
  return gateway.control.until(async () => {
    const { body } = await gateway.rest(member, 'GET', `get_messages?conversationId=${chat}&limit=200`)
    return ((body['messages'] ?? []) as Row[]).find((each) => each.wa_id === waId && fits(each))
  })
}

const receive = async (message: object, more: object = {}): Promise<Row> =>
  row(await phone('send', { message, ...more }))

test('a text keeps its formatting, mentions, preview and that it was forwarded', async () => {
  const text = `*Hola* _Ana_ @${ana.number} https://example.com ${script}`
  const got = await receive({
    extendedTextMessage: {
      text,
      matchedText: 'https://example.com',
      title: script,
      description: 'Ejemplo',
      contextInfo: { mentionedJid: [jidOf(ana)], isForwarded: true, forwardingScore: 2 },
    },
  })
  expect(got).toMatchObject({
    message_type: 'text',
    sender_type: 'user',
    status: 'received',
    text_content: text,
    content: {
      mentions: [jidOf(ana)],
      forwarded: 2,
      preview: { url: 'https://example.com', title: script, description: 'Ejemplo' },
    },
  })
})

test.for([
  ['image', { type: 'image', content: {} }],
  ['video', { type: 'video', content: {} }],
  ['gif', { type: 'video', content: { gif: true } }],
  ['ptv', { type: 'video', content: { video_note: true } }],
  ['audio', { type: 'audio', content: {} }],
  ['voice', { type: 'audio', content: { voice_note: true } }],
  ['document', { type: 'document', content: {} }],
  ['sticker', { type: 'sticker', content: {} }],
] as const)('a medium is stored for what it is: %s', async ([kind, expected]) => {
  const id = await gateway.control
    .post<{ id: string }>(`/phones/${bea.number}/media?to=${ana.number}&kind=${kind}&seconds=7`, {})
    .then((sent) => sent.id)
  const got = await row(id)
  expect(got.message_type).toBe(expected.type)
  expect(got.content).toMatchObject(expected.content)
  expect(got.media_mime_type).toMatch(/^(image|video|audio|application|text)\//)
  expect(got.media_duration_seconds).toBe(['video', 'audio'].includes(expected.type) ? 7 : null)
})

test('a place is stored with its coordinates, a live one with that it moves', async () => {
  const place = { degreesLatitude: 40.4168, degreesLongitude: -3.7038 }
  expect(await receive({ locationMessage: { ...place, name: script, address: 'Sol 1' } })).toMatchObject({
    message_type: 'location',
    text_content: `${script}, Sol 1`,
    content: { location: { latitude: 40.4168, longitude: -3.7038, name: script, address: 'Sol 1' } },
  })
  expect(await receive({ liveLocationMessage: { ...place, caption: 'Ya voy', sequenceNumber: 1 } })).toMatchObject({
    message_type: 'location',
    text_content: 'Ya voy',
    content: { location: { latitude: 40.4168, live: { sequence: 1 } } },
  })
})

test('contact cards are stored with their names and numbers', async () => {
  const card = (name: string) => ({
    displayName: name,
    vcard: `BEGIN:VCARD\nVERSION:3.0\nFN:${name}\nTEL;waid=34600111222:+34 600 111 222\nEND:VCARD`,
  })
  expect(await receive({ contactMessage: card(script) })).toMatchObject({
    message_type: 'contact',
    text_content: script,
    content: { contacts: [{ name: script, phones: ['+34 600 111 222'] }] },
  })
  const two = await receive({ contactsArrayMessage: { displayName: '2', contacts: [card('Uno'), card('Dos')] } })
  expect(two).toMatchObject({ message_type: 'contact', text_content: 'Uno, Dos' })
  expect(two.content['contacts']).toHaveLength(2)
})

test('votes on a poll are decrypted, replaced by later ones and counted by option', async () => {
  const options = [script, 'mañana', 'nunca']
  const id = await phone('poll', { name: '¿Cuándo?', options, selectable: 2 })
  const poll = await row(id)
  expect(poll).toMatchObject({
    message_type: 'poll',
    text_content: '¿Cuándo?',
    content: { poll: { name: '¿Cuándo?', options, selectable: 2 } },
  })
  await phone('vote', { id, options: ['nunca'] })
  await row(id, (each) => each.interactions.length === 1)
  await phone('vote', { id, options: [script, 'mañana'] })
  // The account's own vote, from the phone.
  await phone('vote', { id, to: bea.number, options: ['mañana'] }, ana.number)
  const voted = await row(
    id,
    (each) =>
      JSON.stringify(each.interactions).includes('"me"') && !JSON.stringify(each.interactions).includes('nunca'),
  )
  expect(voted.interactions).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ type: 'poll_vote', from: lidOf(bea), options: [script, 'mañana'] }),
      expect.objectContaining({ type: 'poll_vote', from: 'me', options: ['mañana'] }),
    ]),
  )
})

test('votes on a poll in a group are decrypted, whoever made it', async () => {
  const id = await phone('poll', { to: group.jid, name: '¿Quién?', options: ['yo', 'tú'] })
  await row(id, undefined, group.jid)
  await phone('vote', { to: group.jid, id, options: ['tú'] }, third.number)
  const voted = await row(id, (each) => each.interactions.length === 1, group.jid)
  expect(voted.interactions).toEqual([expect.objectContaining({ from: lidOf(third), options: ['tú'] })])
})

test('a reaction is set, replaced and taken back', async () => {
  const { wa_id: id } = await receive({ conversation: 'reacciona' })
  await phone('react', { id, emoji: '👍' })
  await row(id, (each) => JSON.stringify(each.interactions).includes('👍'))
  await phone('react', { id, emoji: '❤️' })
  const changed = await row(id, (each) => JSON.stringify(each.interactions).includes('❤️'))
  expect(changed.interactions).toEqual([expect.objectContaining({ type: 'reaction', from: lidOf(bea), emoji: '❤️' })])
  await phone('react', { id, emoji: '' })
  const gone = await row(id, (each) => !JSON.stringify(each.interactions).includes('❤️'))
  expect(gone.interactions).toEqual([expect.objectContaining({ type: 'reaction', emoji: null })])
})

test('a reply names what it answers, and keeps a snippet of a message that is unknown here', async () => {
  const { wa_id: asked } = await receive({ conversation: '¿a qué hora?' })
  const quote = (stanzaId: string, quoted: object) => ({
    extendedTextMessage: {
      text: 'A las dos',
      contextInfo: { stanzaId, participant: lidOf(bea), quotedMessage: quoted },
    },
  })
  expect(await receive(quote(asked, { conversation: '¿a qué hora?' }))).toMatchObject({ reply_to_wa_id: asked })
  expect(await receive(quote('UNKNOWN0001', { imageMessage: { caption: script } }))).toMatchObject({
    reply_to_wa_id: 'UNKNOWN0001',
    content: { quote: { wa_id: 'UNKNOWN0001', message_type: 'image', text: script, sender_jid: lidOf(bea) } },
  })
})

test('an edit changes the text, and a deletion for everyone leaves nothing of it', async () => {
  const { wa_id: id } = await receive({ conversation: 'con una herrata' })
  await phone('edit', { id, text: 'con una errata' })
  expect((await row(id, (each) => each.edited_at !== null)).text_content).toBe('con una errata')
  await phone('revoke', { id })
  expect(await row(id, (each) => each.revoked_at !== null)).toMatchObject({ text_content: null, content: {} })
})

test('what is to be looked at once is marked, and its content not kept', async () => {
  const got = await receive({
    viewOnceMessageV2: { message: { imageMessage: { caption: 'secreto', mimetype: 'image/jpeg', viewOnce: true } } },
  })
  expect(got).toMatchObject({
    message_type: 'image',
    text_content: null,
    content: { view_once: true },
    media_mime_type: null,
  })
  const rows = await gateway.database.query('select 1 from private.message_protos where message_id = $1', [got.id])
  expect(rows).toEqual([])
})

test('a message disappears when its time has come, from the list and from the search', async () => {
  const client = await gateway.join(member)
  const timer = await row(await phone('timer', { seconds: 86_400 }))
  expect(timer).toMatchObject({
    sender_type: 'system',
    message_type: 'notice',
    text_content: null,
    content: { notice: { kind: 'disappearing', seconds: 86_400, by: lidOf(bea) } },
  })
  const [conversation] = await gateway.database.query<{ disappearing_seconds: number }>(
    `select disappearing_seconds from public.conversations_new where user_id = $1 and kind = 'contact'
       and disappearing_seconds is not null`,
    [member.id],
  )
  expect(conversation).toEqual({ disappearing_seconds: 86_400 })
  const got = await receive({
    extendedTextMessage: { text: 'efímero murciélago', contextInfo: { expiration: 86_400 } },
  })
  expect(got.content).toMatchObject({ ephemeral_seconds: 86_400 })
  expect(got.expires_at).not.toBeNull()
  const search = async () =>
    ((await gateway.rest(member, 'GET', 'search?q=murcielago')).body['results'] as object[]).length
  expect(await search()).toBe(1)
  await gateway.database.query(`update public.messages_new set expires_at = now() where id = $1`, [got.id])
  await client.next(
    'event',
    (event: { type?: string; data?: { message_id?: string } }) =>
      event.type === 'message.deleted' && event.data?.message_id === got.id,
  )
  expect(await search()).toBe(0)
  expect(await gateway.database.query('select 1 from public.messages_new where id = $1', [got.id])).toEqual([])
  await phone('timer', { seconds: 0 })
})

test('what was chosen of a list or of buttons is stored as an answer', async () => {
  const got = await receive({
    listResponseMessage: { title: 'La segunda', singleSelectReply: { selectedRowId: 'r2' } },
  })
  expect(got).toMatchObject({
    text_content: 'La segunda',
    content: { choice: { kind: 'list', id: 'r2', text: 'La segunda' } },
  })
  const template = await receive({
    templateMessage: {
      hydratedTemplate: {
        hydratedContentText: 'Su pedido',
        hydratedButtons: [{ urlButton: { displayText: 'Ver', url: 'https://example.com/p' } }],
      },
    },
  })
  expect(template.content).toMatchObject({ choices: { options: [{ text: 'Ver', url: 'https://example.com/p' }] } })
})

test('events and group invitations are stored with their facts', async () => {
  expect(await receive({ eventMessage: { name: script, startTime: 1_800_000_000 } })).toMatchObject({
    message_type: 'text',
    text_content: script,
    content: { event: { name: script, starts_at: '2027-01-15T08:00:00.000Z' } },
  })
  expect(
    await receive({ groupInviteMessage: { groupJid: group.jid, inviteCode: 'abc', groupName: script } }),
  ).toMatchObject({
    content: { group_invitation: { jid: group.jid, code: 'abc', name: script } },
  })
})

test('what can not be represented is stored as unsupported, with its kind', async () => {
  expect(await receive({ orderMessage: { orderId: '1' } })).toMatchObject({
    message_type: 'unsupported',
    text_content: null,
    content: { unsupported: { type: 'orderMessage' } },
  })
})
