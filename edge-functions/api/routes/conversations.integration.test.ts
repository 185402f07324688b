import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConversationsResponse, MarkReadResponse, StartConversationResponse } from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest, type CallOptions } from '../api.fixture.ts'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('conversations under %s', (place) => {
  const get = (token: string, query: Record<string, string> = {}) =>
    api.call(place, `/api/whatsapp/get_conversations?${new URLSearchParams(query)}`, { token })
  const list = async (token: string, query: Record<string, string> = {}) =>
    successOf(await get(token, query), 200, ConversationsResponse)
  const post = (path: string, token: string, body: unknown, more: CallOptions = {}) =>
    api.call(place, `/api/whatsapp/${path}`, { method: 'POST', token, body, ...more })

  async function linkedUser() {
    const user = await api.signUp()
    return { ...user, session: await api.host.linkedSession(user.id, '1987654321') }
  }

  describe('GET get_conversations', () => {
    it('shows the guide’s fields, newest activity first, archived ones apart', async () => {
      const { token, session } = await linkedUser()
      const ana = { jid: '1234500001@s.whatsapp.net', name: 'Ana López', at: '2025-01-20T10:00:00Z' }
      const [first, second] = [
        await api.host.addConversation(session, ana),
        await api.host.addConversation(session, {
          jid: '1234500002@s.whatsapp.net',
          at: '2025-01-21T10:00:00.123456Z',
        }),
      ]
      const archived = await api.host.addConversation(session, { jid: '1234500003@s.whatsapp.net', archived: true })
      const { conversations, next_cursor } = await list(token)
      expect(conversations.map(({ id }) => id)).toEqual([second, first])
      expect(next_cursor).toBeNull()
      expect(conversations[1]).toMatchObject({
        external_id: ana.jid,
        contact_name: 'Ana López',
        contact_photo_url: null,
        started_at: expect.stringMatching(/Z$/),
        unread_count: 0,
        session_id: session,
        last_message_at: '2025-01-20T10:00:00.000Z',
        activity_at: '2025-01-20T10:00:00.000Z',
      })
      expect((await list(token, { archived: 'true' })).conversations.map(({ id }) => id)).toEqual([archived])
    })

    it('is an empty list for a user who never linked', async () => {
      const { token } = await api.signUp()
      expect(await list(token)).toEqual({ success: true, conversations: [], next_cursor: null })
    })

    it('goes through every conversation once, page by page, also when all of them changed in the same instant', async () => {
      const { token, session } = await linkedUser()
      const ids: string[] = []
      for (const n of [1, 2, 3, 4, 5])
        ids.push(
          await api.host.addConversation(session, {
            jid: `123460000${n}@s.whatsapp.net`,
            at: n < 4 ? '2025-01-20T10:00:00.123456Z' : '2025-01-20T10:00:00.123457Z',
          }),
        )
      for (const limit of ['1', '2', '3', '5', '200']) {
        const seen: string[] = []
        let cursor: string | null = ''
        while (cursor !== null) {
          const page = await list(token, { limit, ...(cursor && { cursor }) })
          expect(page.conversations.length).toBeGreaterThan(0)
          seen.push(...page.conversations.map(({ id }) => id))
          cursor = page.next_cursor
        }
        expect(seen.toSorted()).toEqual(ids.toSorted())
        expect(new Set(seen.slice(0, 2))).toEqual(new Set(ids.slice(3)))
      }
    })

    it('goes on after a page of the largest size', async () => {
      const { token, session } = await linkedUser()
      await api.host.query(
        `with people as (
           insert into public.contacts (user_id, session_id, phone)
             select s.user_id, s.id, 12000000000 + n from public.whatsapp_sessions s, generate_series(1, 201) n
             where s.id = $1 returning id, user_id, session_id, phone)
         insert into public.conversations_new (user_id, session_id, contact_id, external_id)
           select user_id, session_id, id, phone || '@s.whatsapp.net' from people`,
        [session],
      )
      const first = await list(token, { limit: '200' })
      const second = await list(token, { limit: '200', cursor: first.next_cursor ?? '' })
      expect([first.conversations.length, second.conversations.length, second.next_cursor]).toEqual([200, 1, null])
    })

    it('finds by name, whatever the case, and by number', async () => {
      const { token, session } = await linkedUser()
      const ana = await api.host.addConversation(session, { jid: '1234700001@s.whatsapp.net', name: 'Ana López' })
      const half = await api.host.addConversation(session, { jid: '1234700002@s.whatsapp.net', name: '50 % off_er' })
      const found = async (q: string) => (await list(token, { q })).conversations.map(({ id }) => id)
      expect(await found('lópez')).toEqual([ana])
      expect(await found('700001')).toEqual([ana])
      expect(await found('0 % off_')).toEqual([half])
      expect(await found('%')).toEqual([half])
      expect(await found("'; drop table x; --")).toEqual([])
      expect(await found(' ')).toHaveLength(2)
    })

    it('refuses a cursor of another query, of another user, and garbage', async () => {
      const { token, session } = await linkedUser()
      for (const n of [1, 2]) await api.host.addConversation(session, { jid: `123480000${n}@s.whatsapp.net` })
      const cursor = (await list(token, { limit: '1' })).next_cursor ?? ''
      const other = await api.signUp()
      expect(await get(token, { cursor, q: 'x' })).toBeError(400, 'invalid_cursor', 'cursor')
      expect(await get(token, { cursor, archived: 'true' })).toBeError(400, 'invalid_cursor', 'cursor')
      expect(await get(other.token, { cursor })).toBeError(400, 'invalid_cursor', 'cursor')
      for (const garbage of ['', 'x', `${cursor}x`, cursor.slice(0, -4), 'bnVsbA'])
        expect(await get(token, { cursor: garbage })).toBeError(400, 'invalid_cursor', 'cursor')
    })

    it('refuses limits and filters of the wrong form by name', async () => {
      const { token } = await api.signUp()
      for (const limit of ['0', '201', '-1', '1.5', 'many', ''])
        expect(await get(token, { limit })).toBeError(400, 'invalid_request', 'limit')
      expect(await get(token, { archived: 'yes' })).toBeError(400, 'invalid_request', 'archived')
      expect(await get(token, { q: 'x'.repeat(201) })).toBeError(400, 'invalid_request', 'q')
      expect(await get(token, { q: '\u0000' })).toBeError(400, 'invalid_request')
    })

    it('shows nothing of another user’s', async () => {
      const [owner, other] = [await linkedUser(), await linkedUser()]
      await api.host.addConversation(owner.session, { jid: '1234900001@s.whatsapp.net', name: 'Ana' })
      for (const query of [{}, { q: 'Ana' }, { archived: 'true' }])
        expect((await list(other.token, query)).conversations).toEqual([])
    })
  })

  describe('POST start_conversation', () => {
    const start = (token: string, body: unknown) => post('start_conversation', token, body)

    it('asks the host to look the number up and answers the conversation that it opened', async () => {
      const { id, token, session } = await linkedUser()
      const asking = start(token, { phone: '+1 (234) 567-890' })
      const command = await api.host.untilCommand(id, 'start_conversation')
      expect(command.payload).toEqual({ jid: '1234567890@s.whatsapp.net' })
      const conversation = await api.host.addConversation(session, { jid: '1234567890@s.whatsapp.net' })
      await api.host.finish(command, { conversation_id: conversation })
      expect(successOf(await asking, 200, StartConversationResponse).conversation).toMatchObject({
        id: conversation,
        external_id: '1234567890@s.whatsapp.net',
      })
    })

    it('answers one that exists at once, by number, JID, old form of the JID, or LID', async () => {
      const { id, token, session } = await linkedUser()
      const conversation = await api.host.addConversation(session, {
        jid: '1234567890@s.whatsapp.net',
        aliases: ['987654321@lid'],
      })
      for (const body of [
        { phone: '1234567890' },
        { phone: '001 234-567-890' },
        { jid: '1234567890@s.whatsapp.net' },
        { jid: '1234567890:7@c.us' },
        { jid: '987654321@lid' },
      ])
        expect(successOf(await start(token, body), 200, StartConversationResponse).conversation.id).toBe(conversation)
      expect(await api.host.query('select from private.session_commands where user_id = $1', [id])).toEqual([])
    })

    it('answers what the host could not do', async () => {
      for (const [code, status] of [
        ['not_on_whatsapp', 404],
        ['unavailable', 503],
      ] as const) {
        const { id, token } = await linkedUser()
        const asking = start(token, { phone: '1234567890' })
        await api.host.fail(await api.host.untilCommand(id, 'start_conversation'), code)
        expect(await asking).toBeError(status, code)
      }
    })

    it('asks the host once for one key, and answers its result to every repeat', async () => {
      const { id, token, session } = await linkedUser()
      const headers = { 'idempotency-key': '"start-1"' }
      const ask = () => post('start_conversation', token, { phone: '1234567890' }, { headers })
      const asking = [ask(), ask()]
      const command = await api.host.untilCommand(id, 'start_conversation')
      const conversation = await api.host.addConversation(session, { jid: '1234567890@s.whatsapp.net' })
      await api.host.finish(command, { conversation_id: conversation })
      for (const answer of [...(await Promise.all(asking)), await ask()])
        expect(successOf(answer, 200, StartConversationResponse).conversation.id).toBe(conversation)
      expect(await api.host.query('select from private.session_commands where user_id = $1', [id])).toHaveLength(1)
    })

    it('refuses what is no number and no person’s JID, before anybody is asked', async () => {
      const { id, token } = await linkedUser()
      for (const phone of ['abc', '123', '+', '0123456789', '+34 600 111 222 333 444 555', '١٢٣٤٥٦٧٨٩'])
        expect(await start(token, { phone })).toBeError(400, 'invalid_phone', 'phone')
      for (const jid of ['x', '1@example.com', '1234567890-1600000000@g.us', 'status@broadcast'])
        expect(await start(token, { jid })).toBeError(400, 'invalid_request', 'jid')
      expect(await start(token, {})).toBeError(400, 'invalid_request', 'phone')
      expect(await start(token, { phone: 34600111222 })).toBeError(400, 'invalid_request', 'phone')
      expect(await start(token, { phone: '1234567890', jid: '1@lid' })).toBeError(400, 'invalid_request', 'jid')
      expect(await api.host.query('select from private.session_commands where user_id = $1', [id])).toEqual([])
    })

    it('answers 409 without a linked phone', async () => {
      const { token } = await api.signUp()
      expect(await start(token, { phone: '1234567890' })).toBeError(409, 'session_not_linked')
    })

    it('does not find another user’s conversation', async () => {
      const [owner, other] = [await linkedUser(), await linkedUser()]
      const jid = '1234567890@s.whatsapp.net'
      await api.host.addConversation(owner.session, { jid })
      const asking = start(other.token, { jid })
      const command = await api.host.untilCommand(other.id, 'start_conversation')
      const own = await api.host.addConversation(other.session, { jid })
      await api.host.finish(command, { conversation_id: own })
      expect(successOf(await asking, 200, StartConversationResponse).conversation.id).toBe(own)
    })
  })

  describe('POST mark_read', () => {
    const markRead = (token: string, conversationId: unknown) => post('mark_read', token, { conversationId })

    it('marks what was received as read, once, and tells the host which', async () => {
      const { id, token, session } = await linkedUser()
      const jid = '1234567890@s.whatsapp.net'
      const conversation = await api.host.addConversation(session, { jid })
      const messages = [
        await api.host.addMessage(conversation, { text: 'uno', at: '2025-01-20T10:00:00Z' }),
        await api.host.addMessage(conversation, { text: 'dos', at: '2025-01-20T10:01:00Z' }),
      ]
      await api.host.query('update public.conversations_new set unread_count = 2 where id = $1', [conversation])
      const read = async (reference: string) => successOf(await markRead(token, reference), 200, MarkReadResponse)
      expect(await read(jid)).toEqual({ success: true, conversation_id: conversation, read: 2 })
      expect(await read(conversation)).toMatchObject({ read: 0 })
      const { payload } = await api.host.untilCommand(id, 'mark_read')
      expect((payload['message_ids'] as string[]).toSorted()).toEqual(messages.toSorted())
      expect((await list(token)).conversations[0]?.unread_count).toBe(0)
    })

    it('leaves what arrived meanwhile unread when a key is repeated, and refuses the key for another conversation', async () => {
      const { token, session } = await linkedUser()
      const [one, two] = [
        await api.host.addConversation(session, { jid: '1234567890@s.whatsapp.net' }),
        await api.host.addConversation(session, { jid: '1234567891@s.whatsapp.net' }),
      ]
      await api.host.addMessage(one, { text: 'uno', at: '2025-01-20T10:00:00Z' })
      const headers = { 'idempotency-key': 'read-1' }
      const again = (conversationId: string) => post('mark_read', token, { conversationId }, { headers })
      expect(successOf(await again(one), 200, MarkReadResponse).read).toBe(1)
      const late = await api.host.addMessage(one, { text: 'dos', at: '2025-01-20T10:01:00Z' })
      const repeated = await again('1234567890@s.whatsapp.net')
      expect(successOf(repeated, 200, MarkReadResponse).read).toBe(1)
      expect(repeated.headers.get('idempotent-replayed')).toBe('true')
      const [row] = await api.host.query('select status from public.messages_new where id = $1', [late])
      expect(row).toEqual({ status: 'received' })
      expect(await again(two)).toBeError(409, 'idempotency_conflict')
      expect(await post('start_conversation', token, { phone: '1234567890' }, { headers })).toBeError(
        409,
        'idempotency_conflict',
      )
    })

    it('answers 404 alike for what does not exist and what is another user’s', async () => {
      const [owner, other] = [await linkedUser(), await linkedUser()]
      const conversation = await api.host.addConversation(owner.session, { jid: '1234567890@s.whatsapp.net' })
      await api.host.addMessage(conversation, { text: 'uno', at: '2025-01-20T10:00:00Z' })
      const answers = []
      for (const reference of [conversation, randomUUID(), '1234567890@s.whatsapp.net', 'nobody', '☃'])
        answers.push(await markRead(other.token, reference))
      for (const answer of answers) expect(answer).toBeError(404, 'conversation_not_found')
      const [untouched] = await api.host.query('select status from public.messages_new where conversation_id = $1', [
        conversation,
      ])
      expect(untouched).toEqual({ status: 'received' })
    })

    it('refuses a reference of the wrong form', async () => {
      const { token } = await api.signUp()
      for (const reference of ['', 'x'.repeat(257), 7, null, undefined, ['x'], 'x\u0000'])
        expect(await markRead(token, reference)).toBeError(400, 'invalid_request', 'conversationId')
    })
  })
})

describe('POST start_conversation with no host', () => {
  it('answers 504 when nobody looked the number up in time', async () => {
    const { id, token } = await api.signUp()
    await api.host.linkedSession(id, '1987654321')
    const options = { waits: { startConversation: { totalMs: 0, intervalMs: 1 } } }
    const call = { method: 'POST', token, body: { phone: '1234567890' } }
    expect(await api.callWith(options, '/api/whatsapp/start_conversation', call)).toBeError(504, 'whatsapp_timeout')
  })
})
