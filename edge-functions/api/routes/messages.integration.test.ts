import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MessagesResponse, SendMessageResponse } from '#shared/api.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { maxTextLength } from '#shared/message.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

const jid = '1234567890@s.whatsapp.net'
const lid = '987654321@lid'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('messages under %s', (place) => {
  const get = (token: string, query: Record<string, string>) =>
    api.call(place, `/api/whatsapp/get_messages?${new URLSearchParams(query)}`, { token })
  const list = async (token: string, query: Record<string, string>) =>
    successOf(await get(token, query), 200, MessagesResponse)
  const texts = async (token: string, query: Record<string, string>) =>
    (await list(token, query)).messages.map((message) => message.text_content)

  async function userWithChat() {
    const user = await api.signUp()
    const session = await api.host.linkedSession(user.id, '1987654321')
    const conversation = await api.host.addConversation(session, { jid, aliases: [lid], name: 'Juan Pérez' })
    return { ...user, session, conversation }
  }

  /** Seven messages, several in one second, named in the order in which they must be shown. */
  async function sevenMessages(conversation: string) {
    for (const [text, at] of [
      ['1', '2025-01-20T10:00:00Z'],
      ['2', '2025-01-20T10:00:01Z'],
      ['3', '2025-01-20T10:00:01Z'],
      ['4', '2025-01-20T10:00:01Z'],
      ['5', '2025-01-20T10:00:02.000001Z'],
      ['6', '2025-01-20T10:00:02.000002Z'],
      ['7', '2025-01-20T10:00:03Z'],
    ] as const)
      await api.host.addMessage(conversation, { text, at })
  }

  describe('GET get_messages', () => {
    it('shows the guide’s fields by uuid, JID, old form of the JID, and LID', async () => {
      const { token, conversation } = await userWithChat()
      const id = await api.host.addMessage(conversation, { text: 'Hola, ¿cómo estás? 👋', at: '2025-01-20T10:00:00Z' })
      for (const conversationId of [conversation, jid, '1234567890:3@c.us', lid, conversation.toUpperCase()])
        expect((await list(token, { conversationId })).messages).toEqual([
          expect.objectContaining({
            id,
            conversation_id: conversation,
            sender_type: 'user',
            message_type: 'text',
            text_content: 'Hola, ¿cómo estás? 👋',
            media_url: null,
            media_status: null,
            media_mime_type: null,
            media_size_bytes: null,
            media_duration_seconds: null,
            media_width: null,
            media_height: null,
            media_file_name: null,
            media_waveform: null,
            interactions: [],
            created_at: '2025-01-20T10:00:00.000Z',
            from_me: false,
            status: 'received',
          }),
        ])
    })

    it('shows what is known of a medium under the names of the table’s columns', async () => {
      const { token, conversation } = await userWithChat()
      const id = await api.host.addMessage(conversation, { text: 'nota', at: '2025-01-20T10:00:00Z' })
      const medium = {
        media_status: 'pending',
        media_mime_type: 'audio/ogg',
        media_size_bytes: 2_147_483_648,
        media_duration_seconds: 7.5,
        media_width: 640,
        media_height: 480,
        media_file_name: 'nota.ogg',
        media_waveform: [0, 50, 100],
      }
      await api.host.query(
        `update public.messages_new set message_type = 'audio', media_status = $2, media_mime_type = $3, media_size_bytes = $4,
             media_duration_seconds = $5, media_width = $6, media_height = $7, media_file_name = $8, media_waveform = $9
           where id = $1`,
        [id, ...Object.values(medium)],
      )
      expect((await list(token, { conversationId: conversation })).messages).toMatchObject([{ id, ...medium }])
    })

    it('has no messages and no cursors in an empty conversation', async () => {
      const { token, conversation } = await userWithChat()
      expect(await list(token, { conversationId: conversation })).toEqual({
        success: true,
        messages: [],
        previous_cursor: null,
        next_cursor: null,
      })
    })

    it('goes back from the newest page to the first message, each shown once and ascending, whatever the page size', async () => {
      const { token, conversation } = await userWithChat()
      await sevenMessages(conversation)
      for (const limit of ['1', '2', '3', '6', '7', '8', '200']) {
        const seen: (string | null)[] = []
        let before: string | null = ''
        while (before !== null) {
          const page = await list(token, { conversationId: jid, limit, ...(before && { before }) })
          expect(page.messages.length).toBeGreaterThan(0)
          seen.unshift(...page.messages.map((message) => message.text_content))
          before = page.previous_cursor
        }
        expect(seen).toEqual(['1', '2', '3', '4', '5', '6', '7'])
      }
    })

    it('goes forward from any page, and then waits at the end for what is new', async () => {
      const { token, conversation } = await userWithChat()
      await sevenMessages(conversation)
      const newest = await list(token, { conversationId: conversation, limit: '2' })
      const older = await list(token, {
        conversationId: conversation,
        limit: '4',
        before: newest.previous_cursor ?? '',
      })
      expect(older.messages.map((message) => message.text_content)).toEqual(['2', '3', '4', '5'])
      const after = older.next_cursor ?? ''
      expect(await texts(token, { conversationId: conversation, after, limit: '1' })).toEqual(['6'])
      const end = await list(token, { conversationId: conversation, after })
      expect(end.messages.map((message) => message.text_content)).toEqual(['6', '7'])
      expect(
        (await list(token, { conversationId: conversation, before: end.previous_cursor ?? '', limit: '1' })).messages[0]
          ?.text_content,
      ).toBe('5')

      const waiting = await list(token, { conversationId: conversation, after: end.next_cursor ?? '' })
      expect(waiting).toMatchObject({ messages: [], next_cursor: end.next_cursor })
      await api.host.addMessage(conversation, { text: '8', at: '2025-01-20T10:00:03Z' })
      expect(await texts(token, { conversationId: conversation, after: waiting.next_cursor ?? '' })).toEqual(['8'])
    })

    it('goes on after a page of the largest size', async () => {
      const { token, conversation } = await userWithChat()
      await api.host.query(
        `insert into public.messages_new
             (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at)
           select id, user_id, session_id, 'user', 'text', n::text, false, 'received', n::text, '2025-01-20T10:00:00Z'
             from public.conversations_new, generate_series(1, 201) n where id = $1`,
        [conversation],
      )
      const newest = await list(token, { conversationId: jid, limit: '200' })
      const first = await list(token, { conversationId: jid, limit: '200', before: newest.previous_cursor ?? '' })
      expect([newest.messages.length, first.messages.length, first.previous_cursor]).toEqual([200, 1, null])
    })

    it('takes a cursor with any id of its conversation, also after two became one, and with no other conversation', async () => {
      const { token, session, conversation } = await userWithChat()
      await sevenMessages(conversation)
      const other = await api.host.addConversation(session, { jid: '1234567891@s.whatsapp.net' })
      const before = (await list(token, { conversationId: jid, limit: '2' })).previous_cursor ?? ''
      for (const conversationId of [conversation, jid, lid])
        expect(await texts(token, { conversationId, before, limit: '2' })).toEqual(['4', '5'])
      for (const conversationId of [other, '1234567891@s.whatsapp.net'])
        expect(await get(token, { conversationId, before })).toBeError(400, 'invalid_cursor', 'before')

      const merged = randomUUID()
      await api.host.query(
        `insert into private.conversation_merges (old_id, conversation_id, user_id)
           select $1, id, user_id from public.conversations_new where id = $2`,
        [merged, conversation],
      )
      expect(await texts(token, { conversationId: merged, before, limit: '2' })).toEqual(['4', '5'])
    })

    it('refuses garbage cursors, cursors of other lists and users, and two at once', async () => {
      const { token, conversation } = await userWithChat()
      await sevenMessages(conversation)
      const own = (await list(token, { conversationId: jid, limit: '2' })).previous_cursor ?? ''
      const stranger = await userWithChat()
      await sevenMessages(stranger.conversation)
      for (const cursor of ['', 'x', `${own}x`, own.slice(2), 'W10'])
        for (const param of ['before', 'after'])
          expect(await get(token, { conversationId: jid, [param]: cursor })).toBeError(400, 'invalid_cursor', param)
      expect(await get(stranger.token, { conversationId: jid, before: own })).toBeError(400, 'invalid_cursor', 'before')
      expect(await get(token, { conversationId: jid, before: own, after: own })).toBeError(
        400,
        'invalid_request',
        'after',
      )
    })

    it('answers 404 in the guide’s words, alike for what does not exist and what is another user’s', async () => {
      const owner = await userWithChat()
      await sevenMessages(owner.conversation)
      const { token } = await api.signUp()
      const bodies = []
      for (const conversationId of [owner.conversation, randomUUID(), jid, lid, 'nobody', "' or true --"]) {
        const answer = await get(token, { conversationId })
        expect(answer).toBeError(404, 'conversation_not_found')
        bodies.push(JSON.stringify(answer.body).replace(/"request_id":"[^"]+"/, ''))
      }
      expect(new Set(bodies).size).toBe(1)
      expect(bodies[0]).toContain('Conversación no encontrada')
    })

    it('refuses a missing conversation and limits of the wrong form by name', async () => {
      const { token } = await api.signUp()
      expect(await get(token, {})).toBeError(400, 'invalid_request', 'conversationId')
      expect(await get(token, { conversationId: '' })).toBeError(400, 'invalid_request', 'conversationId')
      expect(await get(token, { conversationId: 'x'.repeat(257) })).toBeError(400, 'invalid_request', 'conversationId')
      expect(await get(token, { conversationId: jid, limit: '201' })).toBeError(400, 'invalid_request', 'limit')
    })
  })

  describe('POST send_message', () => {
    const send = (token: string, body: unknown, key?: string) =>
      api.call(place, '/api/whatsapp/send_message', {
        method: 'POST',
        token,
        body,
        headers: key === undefined ? {} : { 'idempotency-key': key },
      })
    const sent = async (token: string, body: unknown, key?: string) =>
      successOf(await send(token, body, key), 202, SendMessageResponse).message
    const stored = (conversation: string) =>
      api.host.query('select text_content from public.messages_new where conversation_id = $1', [conversation])

    it('keeps the text as pending, for the host to send, and shows it in the conversation', async () => {
      const { id, token, conversation } = await userWithChat()
      const textContent = '  Todo bien,\n¡gracias! <b>👍🏽</b> \\u0041 \u202e '
      const message = await sent(token, { conversationId: jid, textContent, attachments: [] })
      expect(message).toMatchObject({
        conversation_id: conversation,
        text_content: textContent,
        status: 'pending',
        from_me: true,
        sender_type: 'user',
        message_type: 'text',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      })
      expect(await api.host.untilCommand(id, 'send_message')).toMatchObject({
        conversation_id: conversation,
        message_id: message.id,
      })
      expect((await list(token, { conversationId: conversation })).messages).toEqual([message])
    })

    it('answers a repeated key with the first message, quoted or bare, and sends it once', async () => {
      const { token, conversation } = await userWithChat()
      const key = randomUUID()
      const body = { conversationId: jid, textContent: 'una vez' }
      const first = await send(token, body, key)
      expect(first.headers.get('idempotent-replayed')).toBeNull()
      for (const [again, sameKey] of [
        [body, key],
        [body, `"${key}"`],
        [{ ...body, conversationId: conversation, attachments: [] }, key],
      ] as const) {
        const repeat = await send(token, again, sameKey)
        expect(repeat.headers.get('idempotent-replayed')).toBe('true')
        expect([repeat.status, repeat.body]).toEqual([202, first.body])
      }
      expect(await stored(conversation)).toHaveLength(1)
    })

    it('sends once when a key is used many times in the same moment', async () => {
      const { token, conversation } = await userWithChat()
      const key = randomUUID()
      const body = { conversationId: jid, textContent: 'una vez' }
      const answers = await Promise.all(Array.from({ length: 8 }, () => sent(token, body, key)))
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
      expect(await stored(conversation)).toHaveLength(1)
    })

    it('refuses a used key with another body, and keeps users’ keys apart', async () => {
      const [user, other] = [await userWithChat(), await userWithChat()]
      const key = randomUUID()
      await sent(user.token, { conversationId: jid, textContent: 'una' }, key)
      expect(await send(user.token, { conversationId: jid, textContent: 'otra' }, key)).toBeError(
        409,
        'idempotency_conflict',
      )
      expect((await sent(other.token, { conversationId: jid, textContent: 'otra' }, key)).text_content).toBe('otra')
      expect(await stored(user.conversation)).toHaveLength(1)
    })

    it('refuses a key of the wrong form', async () => {
      const { token, conversation } = await userWithChat()
      for (const key of ['', '""', 'k'.repeat(256), '"half'])
        expect(await send(token, { conversationId: jid, textContent: 'x' }, key)).toBeError(
          400,
          'invalid_request',
          'Idempotency-Key',
        )
      expect(await stored(conversation)).toEqual([])
    })

    it('answers a message of the same conversation, and no other', async () => {
      const { token, session, conversation } = await userWithChat()
      const question = await api.host.addMessage(conversation, { text: '¿Sí?', at: '2025-01-20T10:00:00Z' })
      const elsewhere = await api.host.addMessage(
        await api.host.addConversation(session, { jid: '1234567891@s.whatsapp.net' }),
        { text: '¿No?', at: '2025-01-20T10:00:00Z' },
      )
      const stranger = await userWithChat()
      const foreign = await api.host.addMessage(stranger.conversation, { text: '¿?', at: '2025-01-20T10:00:00Z' })
      const reply = { conversationId: jid, textContent: 'Sí' }
      expect((await sent(token, { ...reply, replyTo: question })).reply_to_wa_id).not.toBeNull()
      for (const replyTo of [elsewhere, foreign, randomUUID()])
        expect(await send(token, { ...reply, replyTo })).toBeError(404, 'message_not_found')
      expect(await send(token, { ...reply, replyTo: 'x' })).toBeError(400, 'invalid_request', 'replyTo')
    })

    it('takes a text of the greatest length, each character escaped, and refuses one more, an empty one and a broken one', async () => {
      const { token, conversation } = await userWithChat()
      const longest = '😀'.repeat(maxTextLength)
      const escaped = longest.replaceAll('😀', '\\ud83d\\ude00')
      const body = `{"conversationId":"${jid}","textContent":"${escaped}"}`
      expect((await sent(token, body)).text_content).toBe(longest)
      const refuse = async (textContent: unknown, code: ErrorCode, param?: string) =>
        expect(await send(token, { conversationId: jid, textContent })).toBeError(400, code, param)
      await refuse(`${longest}x`, 'text_too_long')
      for (const empty of ['', ' ', '\n\t ']) await refuse(empty, 'empty_text')
      for (const broken of ['a\u0000b', '\ud83d']) await refuse(broken, 'invalid_request', 'textContent')
      for (const wrong of [7, null, undefined, ['x'], { text: 'x' }])
        await refuse(wrong, 'invalid_request', 'textContent')
      expect(await stored(conversation)).toHaveLength(1)
    })

    it('refuses attachments that are none, and fields that it does not know', async () => {
      const { token, conversation } = await userWithChat()
      const body = { conversationId: jid, textContent: 'x' }
      const path = `${randomUUID()}/x.png`
      const refused: [object, number, ErrorCode, string?][] = [
        [{ path }, 403, 'path_not_allowed'],
        [{ url: 'ftp://example.com/x.png' }, 400, 'url_not_allowed'],
        [{ url: 'https://example.com/x.mp3', type: 'audio' }, 400, 'invalid_attachment'],
        [{}, 400, 'invalid_request', 'attachments.0.path'],
        [{ path, type: 'hologram' }, 400, 'invalid_request', 'attachments.0.type'],
      ]
      for (const [attachment, status, code, param] of refused)
        expect(await send(token, { ...body, attachments: [attachment] })).toBeError(status, code, param)
      expect(await send(token, { ...body, attachments: 'x' })).toBeError(400, 'invalid_request', 'attachments')
      const attachments = [{ url: 'https://example.com/x.png' }]
      for (const extra of [{ mentions: [jid] }, { preview: { url: 'https://example.com', title: 'x' } }]) {
        const answer = await send(token, { ...body, attachments, ...extra })
        expect(answer).toBeError(400, 'invalid_request', Object.keys(extra)[0])
        expect(answer.body).toMatchObject({ error: { message: expect.stringContaining('adjuntos') } })
      }
      expect(await send(token, { ...body, sender_type: 'ai' })).toBeError(400, 'invalid_request', 'sender_type')
      expect(await send(token, { ...body, user_id: randomUUID() })).toBeError(400, 'invalid_request', 'user_id')
      expect(await stored(conversation)).toEqual([])
    })

    it('answers 404 alike for what does not exist and what is another user’s, and 409 when the phone is unlinked', async () => {
      const owner = await userWithChat()
      const { token } = await userWithChat()
      for (const conversationId of [owner.conversation, randomUUID(), '1234567899@s.whatsapp.net', 'nobody'])
        expect(await send(token, { conversationId, textContent: 'x' })).toBeError(404, 'conversation_not_found')
      expect(await stored(owner.conversation)).toEqual([])
      await api.host.unlink(owner.session)
      expect(await send(owner.token, { conversationId: jid, textContent: 'x' })).toBeError(409, 'session_not_linked')
    })
  })
})
