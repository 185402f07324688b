import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, lidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let owner: Member
let other: Member
let conversationId: string
let messageId: string

beforeAll(async () => {
  gateway = await startGateway()
  owner = await gateway.createMember()
  other = await gateway.createMember()
  await gateway.linkPhone(owner, { ...ana, contacts: [bea] })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'Secreto' })
  const [row] = await gateway.database.until<{ id: string; conversation_id: string }>(
    'select id, conversation_id from public.messages_new',
    [],
    (rows) => rows.length === 1,
  )
  conversationId = row?.conversation_id ?? ''
  messageId = row?.id ?? ''
})
afterAll(() => gateway[Symbol.asyncDispose]())

function supabaseOf(member: Member): SupabaseClient {
  return createClient(gateway.stack.url, gateway.stack.publishableKey, {
    global: { headers: { Authorization: `Bearer ${member.token}` } },
    auth: { persistSession: false, autoRefreshToken: false },
  })
}

describe('another user', () => {
  test('sees and changes nothing by REST: as if it did not exist', async () => {
    expect((await gateway.rest(other, 'GET', 'get_conversations')).body['conversations']).toEqual([])
    expect((await gateway.rest(other, 'GET', 'session')).body).toMatchObject({ session: { id: null } })
    for (const id of [conversationId, jidOf(bea), lidOf(bea)]) {
      for (const [method, path, body] of [
        ['GET', `get_messages?conversationId=${encodeURIComponent(id)}`, undefined],
        ['POST', 'send_message', { conversationId: id, textContent: 'x' }],
        ['POST', 'mark_read', { conversationId: id }],
      ] as const) {
        const answer = await gateway.rest(other, method, path, body)
        expect(answer, `${method} ${path}`).toMatchObject({
          status: 404,
          body: { error: { code: 'conversation_not_found' } },
        })
        expect(JSON.stringify(answer.body)).not.toContain('Secreto')
      }
    }
  })

  test('hears nothing on the socket and can send nothing through it', async () => {
    const stranger = await gateway.join(other)
    const listener = await gateway.join(owner)
    for (const id of [conversationId, jidOf(bea)])
      expect(
        await stranger.ask('send-message', { conversationId: id, textContent: 'x', attachments: [] }),
      ).toMatchObject({
        ok: false,
        error: { code: 'conversation_not_found' },
      })
    // Asking for the owner's events by the session's id gives none of them.
    const [session] = await gateway.database.query<{ id: string }>('select id from public.whatsapp_sessions')
    expect(await stranger.ask('join', { since: { [session?.id ?? '']: 0 } })).toMatchObject({ ok: true })
    await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'Secreto dos' })
    await listener.next(
      'event',
      (event: { message?: { text_content: string } }) => event.message?.text_content === 'Secreto dos',
    )
    expect(stranger.received.filter((each) => each.event !== 'error')).toEqual([])
  })

  test('reads and writes nothing through supabase-js with a token of their own', async () => {
    const supabase = supabaseOf(other)
    for (const table of [
      'conversations_new',
      'messages_new',
      'whatsapp_sessions',
      'session_events',
      'contacts',
      'contact_identities',
    ])
      expect(await supabase.from(table).select('*'), table).toMatchObject({ data: [], error: null })
    await supabase.from('conversations_new').update({ ai_active: true }).eq('id', conversationId)
    expect(
      (await supabase.from('messages_new').update({ text_content: 'mío' }).eq('id', messageId)).error,
    ).not.toBeNull()
    expect((await supabase.from('messages_new').delete().eq('id', messageId)).error).not.toBeNull()
    expect((await supabase.rpc('submit_message', { p_conversation: conversationId, p_text: 'x' })).error).toMatchObject(
      {
        hint: 'conversation_not_found',
      },
    )
    expect((await supabase.schema('private').from('whatsapp_credentials').select('*')).error).not.toBeNull()
    const [kept] = await gateway.database.query(
      `select c.ai_active, m.text_content from public.conversations_new c join public.messages_new m on m.conversation_id = c.id
         where m.id = $1`,
      [messageId],
    )
    expect(kept).toEqual({ ai_active: false, text_content: 'Secreto' })
  })

  test('while the owner can, within what the contract allows', async () => {
    const supabase = supabaseOf(owner)
    expect((await supabase.from('messages_new').select('text_content').eq('id', messageId)).data).toEqual([
      { text_content: 'Secreto' },
    ])
    expect(
      (await supabase.from('conversations_new').update({ unread_count: 0 }).eq('id', conversationId)).error,
    ).not.toBeNull()
    expect((await supabase.from('messages_new').insert({ conversation_id: conversationId })).error).not.toBeNull()
  })

  test('gets nothing without a token', async () => {
    const anonymous = createClient(gateway.stack.url, gateway.stack.publishableKey, { auth: { persistSession: false } })
    const { data, error } = await anonymous.from('messages_new').select('*')
    expect(error !== null || data.length === 0).toBe(true)
  })
})

describe('a token', () => {
  const wrongs: [name: string, make: () => Promise<string> | string, code: string][] = [
    ['malformed', () => 'not.a.token', 'invalid_token'],
    ['expired', () => owner.mint({ expiresIn: -60 }), 'expired_token'],
    ['unsigned', () => owner.mint({ algorithm: 'none' }), 'invalid_token'],
    ['signed with the public key as HMAC secret', () => owner.mint({ algorithm: 'HS256' }), 'invalid_token'],
    ['signed with nobody’s key', () => owner.mint({ algorithm: 'foreign' }), 'invalid_token'],
    ['for another audience', () => owner.mint({ audience: 'anon' }), 'invalid_token'],
    ['of another issuer', () => owner.mint({ issuer: 'https://elsewhere.example.com/auth/v1' }), 'invalid_token'],
    ['of another role', () => gateway.stack.mintToken({ sub: owner.id, role: 'anon' }), 'invalid_token'],
    ['without a subject', () => gateway.stack.mintToken({}), 'invalid_token'],
  ]

  test.for(wrongs)('that is %s is refused by REST, join and handshake, and no more', async ([, make, code]) => {
    const token = await make()
    const response = await fetch(`${gateway.url}/api/whatsapp/get_conversations`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ success: false, error: { code } })

    const client = await gateway.connect()
    expect(await client.ask('join', { token })).toMatchObject({ ok: false, error: { code } })
    expect(await client.next<string>('error')).toEqual(expect.any(String))
    await client.closed
    expect(client.received.map((each) => each.event)).toEqual(['error'])

    await expect(gateway.connect({ auth: { token } })).rejects.toMatchObject({ data: { code } })
  })

  test('that is missing is refused by REST and by every event', async () => {
    expect((await fetch(`${gateway.url}/api/whatsapp/session`)).status).toBe(401)
    for (const event of ['join', 'get-qr', 'send-message']) {
      const client = await gateway.connect()
      const data = event === 'send-message' ? { conversationId: jidOf(bea), textContent: 'x', attachments: [] } : {}
      expect(await client.ask(event, data)).toMatchObject({ ok: false, error: { code: 'missing_token' } })
      await client.closed
    }
  })

  test('in the handshake makes the events’ own optional', async () => {
    const client = await gateway.connect({ auth: { token: owner.token } })
    expect(await client.ask('join')).toEqual({ ok: true, data: { userId: owner.id } })
    expect(await client.next('session-ready')).toMatchObject({ success: true })
  })

  test('of another user is refused on a connection that belongs to one, which lives on', async () => {
    const client = await gateway.join(owner)
    expect(await client.ask('join', { token: other.token })).toMatchObject({ ok: false, error: { code: 'other_user' } })
    expect(await client.ask('join', { token: owner.token })).toMatchObject({ ok: true })
  })

  test('that runs out ends the connection, unless a fresh one of the same user came before', async () => {
    const [short, renewed] = [await gateway.connect(), await gateway.connect()]
    const token = await owner.mint({ expiresIn: 3 })
    expect(await short.ask('join', { token })).toMatchObject({ ok: true })
    expect(await renewed.ask('join', { token })).toMatchObject({ ok: true })
    expect(await renewed.ask('join', { token: owner.token })).toMatchObject({ ok: true })
    await short.next('error')
    await short.closed
    expect(renewed.socket.connected).toBe(true)
    expect(await renewed.ask('join', {})).toMatchObject({ ok: true })
  })
})

describe('connections', () => {
  test('of one user are five at most; the sixth is told and closed, and takes the place of one that left', async () => {
    const member = await gateway.createMember()
    const five = []
    for (let count = 0; count < 5; count += 1) five.push(await gateway.join(member))
    const sixth = await gateway.connect()
    expect(await sixth.ask('join', { token: member.token })).toMatchObject({
      ok: false,
      error: { code: 'too_many_connections' },
    })
    await sixth.next('error')
    await sixth.closed
    // By the handshake as well, where nobody asks for an acknowledgement.
    const silent = await gateway.connect({ auth: { token: member.token } })
    await silent.next('error')
    await silent.closed

    five[0]?.socket.disconnect()
    await gateway.database.until(
      'select 1 from private.socket_connections where user_id = $1',
      [member.id],
      (rows) => rows.length === 4,
    )
    await gateway.join(member)
    expect(five.slice(1).every((client) => client.socket.connected)).toBe(true)
  })

  test('from a page of a foreign origin are refused, from a listed one and without origin accepted', async () => {
    await expect(gateway.connect({ headers: { origin: 'https://evil.example.com' } })).rejects.toThrow(
      'websocket error',
    )
    const client = await gateway.connect({ headers: { origin: 'http://localhost:3000' } })
    expect(client.socket.connected).toBe(true)
  })

  test('that never show a token do not get events', async () => {
    const silent = await gateway.connect()
    const listener = await gateway.join(owner)
    await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'Secreto tres' })
    await listener.next(
      'event',
      (event: { message?: { text_content: string } }) => event.message?.text_content === 'Secreto tres',
    )
    expect(silent.received).toEqual([])
  })
})
