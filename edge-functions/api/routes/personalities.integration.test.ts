import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ChangedConversationResponse,
  DeletePersonalityResponse,
  PersonalitiesResponse,
  PersonalityResponse,
} from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('personalities under %s', (place) => {
  const post = (token: string | undefined, path: string, body: unknown, headers: Record<string, string> = {}) =>
    api.call(place, `/api/whatsapp/${path}`, { method: 'POST', body, headers, ...(token && { token }) })
  const list = (token: string, query = '') => api.call(place, `/api/whatsapp/personalities${query}`, { token })
  const make = async (token: string, name: string, instructions?: string) =>
    successOf(await post(token, 'create_personality', { name, instructions }), 200, PersonalityResponse).personality
  const named = async (token: string, query = '') => successOf(await list(token, query), 200, PersonalitiesResponse)
  const writes = ['create_personality', 'edit_personality', 'delete_personality', 'set_assistant']

  it('are made, listed by name over pages, changed and deleted by their owner', async () => {
    const { token } = await api.signUp()
    const made = await make(token, 'Tienda', 'Sé breve.')
    await make(token, 'Bot')
    await make(token, 'Bot')
    const first = await named(token, '?limit=2')
    expect(first.personalities.map(({ name }) => name)).toEqual(['Bot', 'Bot'])
    const second = await named(token, `?limit=2&cursor=${first.next_cursor ?? ''}`)
    expect(second).toMatchObject({ personalities: [made], next_cursor: null })
    const edited = await post(token, 'edit_personality', { personalityId: made.id, name: 'Taller' })
    expect(successOf(edited, 200, PersonalityResponse).personality).toMatchObject({
      id: made.id,
      name: 'Taller',
      instructions: 'Sé breve.',
    })
    const gone = await post(token, 'delete_personality', { personalityId: made.id })
    expect(successOf(gone, 200, DeletePersonalityResponse).personality_id).toBe(made.id)
    expect((await named(token)).personalities).toHaveLength(2)
    expect(await post(token, 'delete_personality', { personalityId: made.id })).toBeError(404, 'personality_not_found')
  })

  it('are made once under a key, and another body under it is refused', async () => {
    const { token } = await api.signUp()
    const headers = { 'idempotency-key': randomUUID() }
    const answers = [1, 2].map(() => post(token, 'create_personality', { name: 'A' }, headers))
    const [one, two] = (await Promise.all(answers)).map((each) => successOf(each, 200, PersonalityResponse))
    expect(two).toEqual(one)
    expect(await post(token, 'create_personality', { name: 'B' }, headers)).toBeError(409, 'idempotency_conflict')
    expect((await named(token)).personalities).toHaveLength(1)
  })

  it('refuse what is wrong', async () => {
    const { token } = await api.signUp()
    for (const name of ['', ' ', 'x'.repeat(121)])
      expect(await post(token, 'create_personality', { name })).toBeError(400, 'invalid_personality')
    expect(await post(token, 'create_personality', { name: 'a', instructions: 'x'.repeat(20_001) })).toBeError(
      400,
      'invalid_personality',
    )
    for (const path of writes) expect(await post(token, path, {})).toMatchObject({ status: 400 })
    expect(await list(token, '?cursor=x')).toBeError(400, 'invalid_cursor', 'cursor')
    for (const path of writes) expect(await post(undefined, path, {})).toBeError(401, 'missing_token')
    expect(await api.call(place, '/api/whatsapp/personalities')).toBeError(401, 'missing_token')
  })

  it('and the assistant of a conversation are their owner’s alone', async () => {
    const [owner, other] = [await api.signUp(), await api.signUp()]
    const session = await api.host.linkedSession(owner.id, '1987654321')
    const conversationId = await api.host.addConversation(session, { jid: '1234567890@s.whatsapp.net', name: 'Ana' })
    const { id: personalityId } = await make(owner.token, 'Tienda')
    const set = (token: string, change: object) => post(token, 'set_assistant', { conversationId, ...change })
    const shown = async (change: object) =>
      successOf(await set(owner.token, change), 200, ChangedConversationResponse).conversation
    expect(await shown({ aiActive: true, personalityId })).toMatchObject({
      ai_active: true,
      personality_id: personalityId,
      no_ac_ai: false,
    })
    expect(await shown({ noAcAi: true })).toMatchObject({ ai_active: true, no_ac_ai: true })
    expect(await set(owner.token, { aiActive: 'yes' })).toBeError(400, 'invalid_request', 'aiActive')
    expect(await set(owner.token, { personalityId: randomUUID() })).toBeError(404, 'personality_not_found')
    expect(await set(other.token, { aiActive: false })).toBeError(404, 'conversation_not_found')
    for (const path of ['edit_personality', 'delete_personality'])
      expect(
        await post(other.token, path, { personalityId, name: path === 'edit_personality' ? 'x' : undefined }),
      ).toBeError(404, 'personality_not_found')
    expect((await named(other.token)).personalities).toEqual([])
    await post(owner.token, 'delete_personality', { personalityId })
    expect(await shown({ aiActive: false })).toMatchObject({ ai_active: false, personality_id: null })
  })
})
