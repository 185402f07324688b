import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MessagesResponse, SearchResponse } from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('GET search under %s', (place) => {
  const get = (token: string, query: Record<string, string>) =>
    api.call(place, `/api/whatsapp/search?${new URLSearchParams(query)}`, { token })
  const search = async (token: string, query: Record<string, string>) =>
    successOf(await get(token, query), 200, SearchResponse)
  const found = async (token: string, query: Record<string, string>) =>
    (await search(token, query)).results.map(({ message_id }) => message_id)

  async function linkedUser() {
    const user = await api.signUp()
    const session = await api.host.linkedSession(user.id, '1987654321')
    const conversation = await api.host.addConversation(session, { jid: '1234567890@s.whatsapp.net', name: 'Ana' })
    return { ...user, session, conversation }
  }

  it('answers where a word was written, with an excerpt and the places of the hits in it', async () => {
    const { token, session, conversation } = await linkedUser()
    const text = '😀 ¿Mañana vamos a la PLAYA o a las playas?'
    const id = await api.host.addMessage(conversation, { text, at: '2025-01-20T10:00:00Z' })
    const { results, next_cursor } = await search(token, { q: 'playa' })
    expect(next_cursor).toBeNull()
    expect(results).toMatchObject([
      {
        message_id: id,
        conversation_id: conversation,
        session_id: session,
        external_id: '1234567890@s.whatsapp.net',
        contact_name: 'Ana',
        from_me: false,
        created_at: '2025-01-20T10:00:00.000Z',
        snippet: text,
      },
    ])
    expect(results[0]?.highlights.map(([from, to]) => text.slice(from, to))).toEqual(['PLAYA', 'playas'])
  })

  it('narrows by conversation, time and kind', async () => {
    const { token, session, conversation } = await linkedUser()
    const other = await api.host.addConversation(session, { jid: '1234567891@s.whatsapp.net', aliases: ['77@lid'] })
    const old = await api.host.addMessage(conversation, { text: 'hola', at: '2025-01-20T10:00:00Z' })
    const late = await api.host.addMessage(other, { text: 'hola', at: '2025-01-21T10:00:00Z' })
    await api.host.query(`update public.messages_new set message_type = 'image' where id = $1`, [late])
    expect(await found(token, { q: 'hola' })).toEqual([late, old])
    expect(await found(token, { q: 'hola', conversationId: conversation })).toEqual([old])
    expect(await found(token, { q: 'hola', conversationId: '77@lid' })).toEqual([late])
    expect(await found(token, { q: 'hola', from: '2025-01-21' })).toEqual([late])
    expect(await found(token, { q: 'hola', to: '2025-01-21T10:00:00Z' })).toEqual([old])
    expect(await found(token, { q: 'hola', to: '2025-01-21T12:00:01+02:00' })).toEqual([late, old])
    expect(await found(token, { q: 'hola', type: 'image' })).toEqual([late])
    expect(await found(token, { q: 'hola', type: 'video' })).toEqual([])
  })

  it('gives every hit once over pages, and leads into the conversation at a hit', async () => {
    const { token, conversation } = await linkedUser()
    const ids: string[] = []
    for (let n = 0; n < 5; n++)
      ids.unshift(await api.host.addMessage(conversation, { text: `hola ${n}`, at: '2025-01-20T10:00:00Z' }))
    const seen: string[] = []
    let page = await search(token, { q: 'hola', limit: '2' })
    const middle = page.results[1]
    for (;;) {
      seen.push(...page.results.map(({ message_id }) => message_id))
      if (page.next_cursor === null) break
      page = await search(token, { q: 'hola', limit: '2', cursor: page.next_cursor })
    }
    expect(seen).toEqual(ids)
    if (!middle) throw new Error('there are two results')
    const messages = async (query: Record<string, string>) => {
      const path = `/api/whatsapp/get_messages?${new URLSearchParams({ conversationId: conversation, ...query })}`
      return successOf(await api.call(place, path, { token }), 200, MessagesResponse)
    }
    const upTo = await messages({ before: middle.page_cursor, limit: '1' })
    expect(upTo.messages.map(({ id }) => id)).toEqual([middle.message_id])
    const beyond = await messages({ after: upTo.next_cursor ?? '' })
    expect(beyond.messages.map(({ id }) => id)).toEqual([ids[0]])
  })

  it('refuses what is no search, and cursors of another one', async () => {
    const { token, conversation } = await linkedUser()
    for (let n = 0; n < 2; n++) await api.host.addMessage(conversation, { text: 'hola', at: '2025-01-20T10:00:00Z' })
    const { next_cursor: cursor } = await search(token, { q: 'hola', limit: '1' })
    expect(await get(token, { q: 'adios', cursor: cursor ?? '' })).toBeError(400, 'invalid_cursor', 'cursor')
    expect(await get(token, { q: 'hola', type: 'text', cursor: cursor ?? '' })).toBeError(
      400,
      'invalid_cursor',
      'cursor',
    )
    expect(await get(token, {})).toBeError(400, 'invalid_request', 'q')
    expect(await get(token, { q: 'x'.repeat(201) })).toBeError(400, 'invalid_request', 'q')
    expect(await get(token, { q: 'hola', from: 'ayer' })).toBeError(400, 'invalid_request', 'from')
    expect(await get(token, { q: 'hola', type: 'song' })).toBeError(400, 'invalid_request', 'type')
    for (const q of ['???', '😀', '  ', "') or true --", ':* & !'])
      expect((await search(token, { q })).results).toEqual([])
  })

  it('finds nothing of another user, whose conversation is as unknown as one that does not exist', async () => {
    const [owner, other] = [await linkedUser(), await linkedUser()]
    await api.host.addMessage(owner.conversation, { text: 'secreto', at: '2025-01-20T10:00:00Z' })
    expect(await found(other.token, { q: 'secreto' })).toEqual([])
    for (const conversationId of [owner.conversation, randomUUID(), 'nobody'])
      expect(await get(other.token, { q: 'secreto', conversationId })).toBeError(404, 'conversation_not_found')
  })
})
