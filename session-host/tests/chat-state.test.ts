import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

interface Row {
  id: string
  archived: boolean
  pinned_at: Date | null
  muted_until: Date | null
  marked_unread: boolean
  unread_count: number
  hidden_at: Date | null
  last_message_text: string | null
}
interface PhoneChat {
  with: string
  archived: boolean
  pinned: boolean
  muted_until: number | null
  marked_unread: boolean
  unread: number
}

let gateway: Gateway
let member: Member
let supabase: SupabaseClient

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 10 })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  supabase = createClient(gateway.stack.url, gateway.stack.publishableKey, {
    accessToken: () => Promise.resolve(member.token),
  })
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(() => say('hola'))

const set = (body: object) => gateway.control.post(`/phones/${ana.number}/settings`, { with: bea.number, ...body })
const row = (fits: (row: Row) => boolean) =>
  gateway.database
    .until<Row>('select * from public.conversations_new where external_id = $1', [jidOf(bea)], (rows) =>
      rows.some(fits),
    )
    .then(([found]) => found)
const onPhone = (fits: (chat: PhoneChat) => boolean) =>
  gateway.control.until(async () => {
    const { chats } = await gateway.control.get<{ chats: PhoneChat[] }>(`/phones/${ana.number}`)
    return chats.find((chat) => chat.with === bea.number && fits(chat))
  })
const rest = (path: string, body: object) =>
  gateway.rest<{ status: number; body: { conversation: Record<string, unknown> } }>(member, 'POST', path, {
    conversationId: jidOf(bea),
    ...body,
  })

async function say(text: string): Promise<{ id: string; wa_id: string }> {
  const { id } = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, { to: ana.number, text })
  const [message] = await gateway.database.until<{ id: string; wa_id: string }>(
    'select id, wa_id from public.messages_new where wa_id = $1',
    [id],
    (rows) => rows.length > 0,
  )
  if (!message) throw new Error('no message')
  return message
}

async function shownTexts(): Promise<unknown[]> {
  const { body } = await gateway.rest(member, 'GET', `get_messages?conversationId=${jidOf(bea)}`)
  return (body['messages'] as { text_content: string }[]).map((message) => message.text_content)
}

test.for(['lid', 'pn'])(
  'what the phone archives, pins, mutes and marks by %s is so here, and is announced',
  async (as) => {
    const client = await gateway.join(member)
    await set({ action: 'archive', as })
    await client.next<{ conversation?: { archived: boolean } }>(
      'event',
      (event) => event.conversation?.archived === true,
    )
    await set({ action: 'pin', as })
    await set({ action: 'mute', until: 2_000_000_000_000, as })
    await set({ action: 'mark_read', on: false, as })
    const marked = await row((each) => each.marked_unread)
    expect(marked).toMatchObject({ archived: true, muted_until: new Date(2_000_000_000_000) })
    expect(marked?.pinned_at).toBeInstanceOf(Date)
    await set({ action: 'mark_read', as })
    await set({ action: 'archive', on: false, as })
    await set({ action: 'pin', on: false, as })
    await set({ action: 'mute', as })
    const last = await row((each) => each.muted_until !== null && each.muted_until.getUTCFullYear() === 9999)
    expect(last).toMatchObject({ archived: false, pinned_at: null, marked_unread: false, unread_count: 0 })
    await set({ action: 'mute', on: false, as })
    expect(await row((each) => each.muted_until === null)).toMatchObject({ archived: false })
  },
)

test('what REST, and supabase-js, archive, pin, mute and mark is so on the phone, and no more when they say so', async () => {
  const archived = await rest('set_chat_state', { archived: true, pinned: true, mutedUntil: '2033-05-18T03:33:20Z' })
  expect(archived).toMatchObject({
    status: 200,
    body: { conversation: { archived: true, pinned_at: expect.any(String), muted_until: '2033-05-18T03:33:20.000Z' } },
  })
  await onPhone((chat) => chat.archived && chat.pinned && chat.muted_until === 2_000_000_000_000)
  expect(await rest('mark_unread', {})).toMatchObject({ body: { conversation: { marked_unread: true } } })
  await onPhone((chat) => chat.marked_unread)
  await rest('mark_read', {})
  await onPhone((chat) => !chat.marked_unread && chat.unread === 0)
  const { error } = await supabase.rpc('set_chat_state', {
    p_conversation: jidOf(bea),
    p_state: { archived: false, pinned: false, muted_until: '9999-12-31T00:00:00Z' },
  })
  expect(error).toBeNull()
  await onPhone((chat) => !chat.archived && !chat.pinned && chat.muted_until === -1)
  await rest('set_chat_state', { mutedUntil: null })
  await onPhone((chat) => chat.muted_until === null)
})

test('nonsense is refused, and so is another user’s conversation', async () => {
  for (const body of [{}, { archived: 'yes' }, { mutedUntil: 'tomorrow' }, { mutedUntil: '2001-01-01T00:00:00Z' }])
    expect(await rest('set_chat_state', body)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    })
  const other = await gateway.createMember()
  for (const path of ['set_chat_state', 'mark_unread'])
    expect(
      await gateway.rest(other, 'POST', path, {
        conversationId: jidOf(bea),
        ...(path === 'mark_unread' ? {} : { pinned: true }),
      }),
    ).toMatchObject({ status: 404, body: { error: { code: 'conversation_not_found' } } })
})

test('changes of both sides while the other was away, and of both at once, end alike on both', async () => {
  await gateway.stopHost()
  await set({ action: 'archive' })
  await set({ action: 'pin' })
  await gateway.restartHost()
  await row((each) => each.archived && each.pinned_at !== null)
  // The phone goes on while commands of ours are on their way: whoever is behind asks for what it lacks, and says it again.
  await Promise.all([
    set({ action: 'archive', on: false }),
    rest('set_chat_state', { pinned: false }),
    set({ action: 'mark_read', on: false }),
    rest('set_chat_state', { mutedUntil: '2033-05-18T03:33:20Z' }),
  ])
  await onPhone(
    (chat) => !chat.archived && !chat.pinned && chat.marked_unread && chat.muted_until === 2_000_000_000_000,
  )
  await row((each) => !each.archived && each.pinned_at === null && each.marked_unread && each.muted_until !== null)
  await set({ action: 'mute', on: false })
  await set({ action: 'mark_read' })
  expect(await row((each) => each.muted_until === null && !each.marked_unread)).toMatchObject({ archived: false })
})

test('a change that WhatsApp refuses because the phone was faster is made after what the phone said, and both stay', async () => {
  // The phone archives just before the server gets our pin: it answers with an error inside a good answer.
  await set({ action: 'archive', when: 'upload' })
  await rest('set_chat_state', { pinned: true })
  await onPhone((chat) => chat.archived && chat.pinned)
  expect(await row((each) => each.archived && each.pinned_at !== null)).toMatchObject({ archived: true })
  await set({ action: 'archive', on: false })
  await rest('set_chat_state', { pinned: false })
  await onPhone((chat) => !chat.archived && !chat.pinned)
  await row((each) => !each.archived && each.pinned_at === null)
})

test('a change of the phone that was read but not stored when the host died is asked for again', async () => {
  await gateway.database.query(
    `create function private.away() returns trigger language plpgsql as
       $$ begin raise exception using errcode = '57P03', message = 'away'; end $$;
     create trigger away before update of archived on public.conversations_new for each row execute function private.away()`,
  )
  await set({ action: 'archive' })
  await gateway.control.until(async () => {
    const { devices } = await gateway.control.get<{ devices: { queued: number }[] }>(`/phones/${ana.number}`)
    return devices.every((device) => device.queued === 0) ? true : undefined
  })
  await gateway.database.until('select 1', [], () => gateway.logs.some((line) => line.includes('is away')))
  // It gives up: the step was never stored, and the notification that spoke of it is acknowledged.
  await gateway.stopHost()
  await gateway.database.query('drop trigger away on public.conversations_new')
  expect(await row(() => true)).toMatchObject({ archived: false })
  await gateway.restartHost()
  expect(await row((each) => each.archived)).toMatchObject({ archived: true })
  await set({ action: 'archive', on: false })
  await row((each) => !each.archived)
})

test('a star of the phone is a star here; what it deletes for itself is hidden here, and nothing of it is erased', async () => {
  const message = await say('para mí')
  await set({ action: 'star', id: message.wa_id })
  await gateway.database.until(
    'select 1 from public.messages_new where id = $1 and starred',
    [message.id],
    (rows) => rows.length > 0,
  )
  await set({ action: 'delete_for_me', id: message.wa_id })
  const [kept] = await gateway.database.until<{ text_content: string }>(
    'select text_content from public.messages_new where id = $1 and hidden_at is not null',
    [message.id],
    (rows) => rows.length > 0,
  )
  expect(kept).toEqual({ text_content: 'para mí' })
  expect(await shownTexts()).not.toContain('para mí')
  const search = await gateway.rest(member, 'GET', `search?q=${encodeURIComponent('para mí')}`)
  expect(search.body['results']).toEqual([])
  expect(await row((each) => each.last_message_text === 'hola')).toBeDefined()
})

test('a star that is set here is one on the phone; what is deleted here for oneself goes from the phone alone', async () => {
  const message = await say('ni aquí ni allí')
  const phone = async (number: string, other: string) =>
    (await gateway.messagesOf(number, other)).find(({ id }) => id === message.wa_id) as
      | { starred?: boolean }
      | undefined
  const ask = (path: string, body: object) => gateway.rest(member, 'POST', path, { messageId: message.id, ...body })
  expect((await ask('star_message', { starred: true })).status).toBe(200)
  expect((await phone(ana.number, bea.number))?.starred).toBe(true)
  const mine = async () =>
    (
      await gateway.database.query(
        'select starred, hidden_at is not null as hidden from public.messages_new where id = $1',
        [message.id],
      )
    )[0]
  expect(await mine()).toEqual({ starred: true, hidden: false })
  expect((await ask('star_message', { starred: false })).status).toBe(200)
  expect((await phone(ana.number, bea.number))?.starred).not.toBe(true)
  expect((await ask('delete_for_me', {})).status).toBe(200)
  expect(await phone(ana.number, bea.number)).toBeUndefined()
  expect(await phone(bea.number, ana.number)).toBeDefined()
  expect(await mine()).toEqual({ starred: false, hidden: true })
  expect(await shownTexts()).not.toContain('ni aquí ni allí')
  expect((await ask('delete_for_me', {})).body.error?.code).toBe('message_not_found')
})

test('a chat that is cleared on the phone is empty here, one that is deleted is in no list until something new comes', async () => {
  const client = await gateway.join(member)
  await set({ action: 'clear_chat' })
  await client.next<{ data: { cleared?: boolean } }>('event', (event) => event.data.cleared === true)
  expect(await shownTexts()).toEqual([])
  expect(await row((each) => each.last_message_text === null)).toMatchObject({ unread_count: 0, hidden_at: null })
  // In the next second, as nothing of the same one is meant.
  await say('otra vez')
  await set({ action: 'delete_chat' })
  await row((each) => each.hidden_at !== null)
  const list = async () =>
    ((await gateway.rest(member, 'GET', 'get_conversations')).body['conversations'] as { external_id: string }[]).map(
      (each) => each.external_id,
    )
  expect(await list()).not.toContain(jidOf(bea))
  await say('¿sigues ahí?')
  expect(await list()).toContain(jidOf(bea))
  expect(await shownTexts()).toEqual(['¿sigues ahí?'])
  const all = await gateway.database.query('select 1 from public.messages_new where hidden_at is not null')
  expect(all.length).toBeGreaterThan(2)
})

test('a voice note that was listened to here is played for its author', async () => {
  const message = await say('escúchalo')
  const answer = await gateway.rest(member, 'POST', 'mark_played', { messageId: message.id })
  expect(answer).toMatchObject({ status: 200, body: { success: true, played: true } })
  await gateway.shown(
    bea.number,
    ana.number,
    (shown) => shown.id === message.wa_id && (shown.status as string) === 'played',
  )
  expect(await gateway.rest(member, 'POST', 'mark_played', { messageId: message.id })).toMatchObject({
    body: { played: false },
  })
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
