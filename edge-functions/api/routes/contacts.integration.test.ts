import type { z } from 'zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContactsResponse } from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('GET contacts under %s', (place) => {
  const get = (token: string, query: Record<string, string> = {}) =>
    api.call(place, `/api/whatsapp/contacts?${new URLSearchParams(query)}`, { token })
  const list = async (token: string, query: Record<string, string> = {}) =>
    successOf(await get(token, query), 200, ContactsResponse)
  const namesOf = async (token: string, query: Record<string, string> = {}) =>
    (await list(token, query)).contacts.map(({ display_name }) => display_name)

  async function userWith(...names: (string | null)[]) {
    const user = await api.signUp()
    const session = await api.host.linkedSession(user.id, '1987654321')
    let number = 1_234_500_000
    for (const name of names) {
      number += 1
      await api.host.addConversation(session, { jid: `${number}@s.whatsapp.net`, name })
    }
    return { ...user, session }
  }

  it('shows people by name whatever its accents, those known by number alone last', async () => {
    const { token } = await userWith('Óscar', 'zoe', 'Ángel', null, 'Ñora', 'ana')
    expect(await namesOf(token)).toEqual(['ana', 'Ángel', 'Ñora', 'Óscar', 'zoe', '+1 234500004'])
  })

  it('shows every JID of a person, numbers first, and the conversation with them', async () => {
    const { token, session } = await userWith()
    const jid = '1234567890@s.whatsapp.net'
    const conversation = await api.host.addConversation(session, { jid, aliases: ['9876543@lid'], name: 'Ana' })
    expect((await list(token)).contacts).toEqual([
      {
        id: expect.any(String),
        session_id: session,
        display_name: 'Ana',
        name: 'Ana',
        verified_name: null,
        push_name: null,
        phone: '1234567890',
        jids: [jid, '9876543@lid'],
        conversation_id: conversation,
        blocked: false,
        photo_url: null,
      },
    ])
  })

  it('finds names and numbers anywhere, whatever their case and accents, and no wildcards', async () => {
    const { token } = await userWith('María Ñandú', 'Mario 50%', 'Pepe')
    expect(await namesOf(token, { q: 'nandu' })).toEqual(['María Ñandú'])
    expect(await namesOf(token, { q: 'MARÍ' })).toEqual(['María Ñandú', 'Mario 50%'])
    expect(await namesOf(token, { q: '+1 234-500-003' })).toEqual(['Pepe'])
    expect(await namesOf(token, { q: '%' })).toEqual(['Mario 50%'])
    for (const q of ['_', '\\', 'nadie', '999999']) expect(await namesOf(token, { q })).toEqual([])
  })

  it('gives every person once over pages of any size, also where names are the same', async () => {
    const names = ['a', 'B', 'b', 'b', 'b', null, 'Ç', '😀', "d'", 'é']
    const { token } = await userWith(...names)
    const whole = (await list(token)).contacts.map(({ id }) => id)
    expect(whole).toHaveLength(names.length)
    for (const limit of ['1', '3', '10']) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: z.output<typeof ContactsResponse> = await list(token, {
          limit,
          ...(cursor === null ? {} : { cursor }),
        })
        seen.push(...page.contacts.map(({ id }) => id))
        cursor = page.next_cursor
      } while (cursor !== null)
      expect(seen).toEqual(whole)
    }
  })

  it('refuses a cursor of another search or list', async () => {
    const { token } = await userWith('a', 'b')
    const { next_cursor: cursor } = await list(token, { limit: '1' })
    if (cursor === null) throw new Error('there is a second page')
    expect(await get(token, { cursor, q: 'a' })).toBeError(400, 'invalid_cursor', 'cursor')
    expect(await get(token, { cursor: 'x' })).toBeError(400, 'invalid_cursor', 'cursor')
    const elsewhere = await api.call(place, `/api/whatsapp/get_conversations?cursor=${cursor}`, { token })
    expect(elsewhere).toBeError(400, 'invalid_cursor', 'cursor')
    expect(await get(token, { limit: '0' })).toBeError(400, 'invalid_request', 'limit')
    expect(await get(token, { limit: '201' })).toBeError(400, 'invalid_request', 'limit')
  })

  it('shows nobody another user’s people', async () => {
    await userWith('Ana')
    const other = await userWith()
    for (const query of [{}, { q: 'Ana' }, { q: '1234500001' }])
      expect((await list(other.token, query)).contacts).toEqual([])
  })
})
