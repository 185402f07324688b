import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTestStack } from '../create-test-stack.ts'
import { connect } from '../postgres/bootstrap-database.ts'
import { JoinError, listen } from './listen.fixture.ts'

/**
 * What the product uses of Realtime, with the stock client. Runs against the embedded stack, and against a real project with the
 * same migrations when SUPABASE_CONFORMANCE_URL, …_PUBLISHABLE_KEY, …_SECRET_KEY and …_DATABASE_URL (as postgres) are set.
 */
const {
  SUPABASE_CONFORMANCE_URL: realUrl,
  SUPABASE_CONFORMANCE_PUBLISHABLE_KEY: realPublishableKey,
  SUPABASE_CONFORMANCE_SECRET_KEY: realSecretKey,
  SUPABASE_CONFORMANCE_DATABASE_URL: realDatabaseUrl,
} = process.env
const isReal = Boolean(realUrl && realDatabaseUrl)
if (!isReal) {
  process.stdout.write(
    'CONFORMANCE: no SUPABASE_CONFORMANCE_URL and …_DATABASE_URL: Realtime checked against the embedded stack only\n',
  )
}

interface Target extends AsyncDisposable {
  url: string
  publishableKey: string
  secretKey: string
  adminDatabaseUrl: string
}

describe.each(['the embedded stack', ...(isReal ? ['the real project'] : [])])('%s', (name) => {
  let target: Target
  let owner: Awaited<ReturnType<typeof connect>>
  let admin: SupabaseClient
  const users: string[] = []
  const clients: SupabaseClient[] = []

  beforeAll(async () => {
    target =
      name === 'the embedded stack'
        ? await createTestStack()
        : {
            url: realUrl ?? '',
            publishableKey: realPublishableKey ?? '',
            secretKey: realSecretKey ?? '',
            adminDatabaseUrl: realDatabaseUrl ?? '',
            async [Symbol.asyncDispose]() {},
          }
    owner = await connect(target.adminDatabaseUrl)
    admin = client(target.secretKey)
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((used) => used.realtime.removeAllChannels()))
  })
  afterAll(async () => {
    for (const id of users) await admin.auth.admin.deleteUser(id)
    await owner?.[Symbol.asyncDispose]()
    await target?.[Symbol.asyncDispose]()
  })

  function client(key = target.publishableKey, accessToken?: () => Promise<string>): SupabaseClient {
    const made = createClient(target.url, key, {
      auth: { persistSession: false, autoRefreshToken: false },
      ...(accessToken ? { accessToken } : {}),
    })
    clients.push(made)
    return made
  }

  async function newUser() {
    const credentials = { email: `${randomUUID()}@example.com`, password: randomUUID() }
    const { data, error } = await admin.auth.admin.createUser({ ...credentials, email_confirm: true })
    expect(error).toBeNull()
    const id = data.user?.id ?? ''
    users.push(id)
    const signIn = async (): Promise<SupabaseClient> => {
      const made = client()
      expect((await made.auth.signInWithPassword(credentials)).error).toBeNull()
      return made
    }
    const { rows } = await owner.client.query<{ id: string }>(
      'insert into public.whatsapp_sessions (user_id) values ($1) returning id',
      [id],
    )
    return { id, topic: `user:${id}`, sessionId: rows[0]?.id ?? '', signIn }
  }
  type User = Awaited<ReturnType<typeof newUser>>

  /** Appends events as the session-host does: in one statement, as its own role. */
  async function append(user: User, count: number, by: pg.Client = owner.client): Promise<void> {
    const events = JSON.stringify(Array.from({ length: count }, () => ({ type: 'message.created', data: {} })))
    await by.query('begin; set local role session_host')
    try {
      await by.query('select private.append_events($1, $2, $3)', [user.sessionId, user.id, events])
      await by.query('commit')
    } catch (error) {
      await by.query('rollback')
      throw error
    }
  }

  test('users hear of new events of their sessions on their own topic', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    await append(user, 3)
    const first = await listener.next()
    expect(first).toMatchObject({ event: 'events', payload: { session_id: user.sessionId, seq_from: 1, seq_to: 3 } })
    expect(Object.keys(first.payload as object).toSorted()).toEqual(['id', 'seq_from', 'seq_to', 'session_id'])
    await append(user, 1)
    expect(await listener.next()).toMatchObject({ payload: { seq_from: 4, seq_to: 4 } })
  })

  test('a burst in one statement is one message', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    await append(user, 5000)
    await append(user, 1)
    expect(await listener.next()).toMatchObject({ payload: { seq_from: 1, seq_to: 5000 } })
    expect(await listener.next()).toMatchObject({ payload: { seq_from: 5001, seq_to: 5001 } })
  })

  test('a statement about several sessions tells each owner of their own only', async () => {
    const [ana, ben] = [await newUser(), await newUser()]
    const hearsAna = await listen(await ana.signIn(), ana.topic, { private: true })
    const hearsBen = await listen(await ben.signIn(), ben.topic, { private: true })
    await owner.client.query(
      `insert into public.session_events (session_id, user_id, seq, type)
       select s.id, s.user_id, n, 'message.created' from public.whatsapp_sessions s, generate_series(1, 2) n
       where s.id = any($1)`,
      [[ana.sessionId, ben.sessionId]],
    )
    expect((await hearsAna.next()).payload).toMatchObject({ session_id: ana.sessionId, seq_from: 1, seq_to: 2 })
    expect((await hearsBen.next()).payload).toMatchObject({ session_id: ben.sessionId, seq_from: 1, seq_to: 2 })
    expect([hearsAna.received.length, hearsBen.received.length]).toEqual([1, 1])
  })

  test('many commits at once arrive in the order of seq, without a gap', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    const writers = await Promise.all([1, 2, 3, 4].map(() => connect(target.adminDatabaseUrl)))
    await Promise.all(
      writers.map(async (writer) => {
        for (let n = 0; n < 25; n++) await append(user, 1, writer.client)
        await writer[Symbol.asyncDispose]()
      }),
    )
    const seen: number[] = []
    for (let n = 1; n <= 100; n++) seen.push(((await listener.next()).payload as { seq_from: number }).seq_from)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
  })

  test('another user’s topic, and one of nobody’s, are refused at the join', async () => {
    const [ana, ben] = [await newUser(), await newUser()]
    const client = await ana.signIn()
    for (const topic of [ben.topic, 'user:', `user:${ana.id} `, 'lobby']) {
      const refused = listen(client, topic, { private: true })
      await expect(refused).rejects.toThrow(JoinError)
      await expect(refused).rejects.toThrow(
        `Unauthorized: You do not have permissions to read from this Channel topic: ${topic}`,
      )
    }
  })

  test('nobody listens on a user’s topic without being that user', async () => {
    const user = await newUser()
    await expect(listen(client(), user.topic, { private: true })).rejects.toThrow('Unauthorized')
    const forged = client(target.publishableKey, async () => 'not-a-token')
    await expect(listen(forged, user.topic, { private: true })).rejects.toThrow('MalformedJWT')
  })

  test('a public channel of the same name hears nothing of the private one', async () => {
    const user = await newUser()
    const spy = await listen(client(), user.topic)
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    await append(user, 1)
    await listener.next()
    await owner.client.query(`select realtime.send('{"to":"everybody"}', 'shout', $1, false)`, [user.topic])
    expect(await spy.next()).toMatchObject({ event: 'shout', payload: { to: 'everybody' } })
    expect(listener.received).toHaveLength(1)
  })

  test('clients cannot send on the private topic, not even on their own', async () => {
    const user = await newUser()
    const sender = await listen(await user.signIn(), user.topic, { private: true, broadcast: { ack: true } })
    const other = await listen(await user.signIn(), user.topic, { private: true })
    const lie = { type: 'broadcast', event: 'events', payload: { seq_to: 99 } } as const
    expect(await sender.channel.send(lie, { timeout: 1000 })).toBe('timed out')
    await sender.channel.httpSend('events', { seq_to: 99 })
    await append(user, 1)
    expect(await other.next()).toMatchObject({ payload: { seq_to: 1 } })
    expect(await sender.next()).toMatchObject({ payload: { seq_to: 1 } })
  })

  test('clients may not write broadcasts through the API or SQL either', async () => {
    const user = await newUser()
    await owner.client.query('begin')
    try {
      await owner.client.query(
        `select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true), set_config('realtime.topic', $2, true)`,
        [JSON.stringify({ sub: user.id, role: 'authenticated' }), user.topic],
      )
      const insert = `insert into realtime.messages (topic, extension, event, private) values ($1, 'broadcast', 'x', true)`
      await expect(owner.client.query(insert, [user.topic])).rejects.toThrow('row-level security')
    } finally {
      await owner.client.query('rollback')
    }
    const { error } = await (await user.signIn()).schema('realtime').from('messages').select()
    expect(error).toMatchObject({ code: 'PGRST106' })
  })

  test('a new token keeps the channel, somebody else’s ends it', async () => {
    const [ana, ben] = [await newUser(), await newUser()]
    const anaClient = await ana.signIn()
    const listener = await listen(anaClient, ana.topic, { private: true })
    const { data } = await anaClient.auth.refreshSession()
    await anaClient.realtime.setAuth()
    expect(anaClient.realtime.accessTokenValue).toBe(data.session?.access_token)
    await append(ana, 1)
    expect(await listener.next()).toMatchObject({ payload: { seq_to: 1 } })

    const { data: stranger } = await (await ben.signIn()).auth.getSession()
    listener.channel.socket.accessToken = async () => stranger.session?.access_token ?? null
    await anaClient.realtime.setAuth()
    expect(await listener.closed).toContain('You do not have permissions to read from this Channel topic')
  })

  test('a client that lost its connection joins again by itself', async () => {
    const user = await newUser()
    const client = await user.signIn()
    const listener = await listen(client, user.topic, { private: true })
    const rejoined = listener.rejoined()
    await client.realtime.disconnect()
    client.realtime.connect()
    await rejoined
    await append(user, 1)
    expect(await listener.next()).toMatchObject({ payload: { seq_to: 1 } })
  })

  test('heartbeats are answered', async () => {
    const user = await newUser()
    const client = await user.signIn()
    await listen(client, user.topic, { private: true })
    const beat = new Promise((resolve) => client.realtime.onHeartbeat((status) => status !== 'sent' && resolve(status)))
    await client.realtime.sendHeartbeat()
    expect(await beat).toBe('ok')
  })

  test('nothing comes after the user is deleted', async () => {
    const [ana, ben] = [await newUser(), await newUser()]
    const hearsAna = await listen(await ana.signIn(), ana.topic, { private: true })
    const hearsBen = await listen(await ben.signIn(), ben.topic, { private: true })
    await append(ana, 1)
    await hearsAna.next()
    expect((await admin.auth.admin.deleteUser(ana.id)).error).toBeNull()
    await expect(append(ana, 1)).rejects.toThrow('query returned no rows')
    await append(ben, 1)
    await hearsBen.next()
    expect(hearsAna.received).toHaveLength(1)
  })

  test('leaving ends the messages and is acknowledged', async () => {
    const user = await newUser()
    const client = await user.signIn()
    const listener = await listen(client, user.topic, { private: true })
    const stays = await listen(await user.signIn(), user.topic, { private: true })
    expect(await client.removeChannel(listener.channel)).toBe('ok')
    await append(user, 1)
    await stays.next()
    expect(listener.received).toEqual([])
  })

  test('what is rolled back is never told, and what is larger than a notification arrives whole', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    const send = `select realtime.send(jsonb_build_object('text', repeat('ñ', $2::int)), 'large', $1)`
    await owner.client.query('begin')
    await owner.client.query(send, [user.topic, 10])
    await owner.client.query('rollback')
    await owner.client.query(send, [user.topic, 100_000])
    const { event, payload, meta } = await listener.next()
    expect({ event, length: (payload as { text: string }).text.length }).toEqual({ event: 'large', length: 100_000 })
    expect(meta?.id).toBe((payload as { id: string }).id)
  })

  test('binary broadcasts travel untouched, from clients and from the database', async () => {
    const room = `room-${randomUUID()}`
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n)
    const sender = await listen(client(), room, { broadcast: { ack: true, self: true } })
    const listener = await listen(client(), room)
    const event = 'señal 😀'
    expect(await sender.channel.send({ type: 'broadcast', event, payload: bytes.buffer })).toBe('ok')
    expect(await sender.channel.send({ type: 'broadcast', event, payload: { text: '😀' } })).toBe('ok')
    for (const each of [sender, listener]) {
      const first = await each.next()
      expect(first.event).toBe(event)
      expect(new Uint8Array(first.payload as ArrayBuffer)).toEqual(bytes)
      expect(await each.next()).toMatchObject({ event, payload: { text: '😀' } })
    }
    await owner.client.query(`select realtime.send_binary($1, 'stored', $2, false)`, [Buffer.from(bytes), room])
    expect(new Uint8Array((await listener.next()).payload as ArrayBuffer)).toEqual(bytes)
  })

  test('broadcasts over HTTP arrive', async () => {
    const room = `room-${randomUUID()}`
    const listener = await listen(client(), room)
    const outside = client().channel(room)
    expect(await outside.httpSend('ping', { n: 1 })).toEqual({ success: true })
    expect(await listener.next()).toMatchObject({ event: 'ping', payload: { n: 1 } })
  })

  test('presence is shared, and gone with the connection', async () => {
    const room = `room-${randomUUID()}`
    const [ana, ben] = [client(), client()]
    const seen = ben.channel(room)
    const changes: string[] = []
    const synchronised = Promise.withResolvers<void>()
    const [joined, left] = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()]
    seen.on('presence', { event: 'sync' }, () => {
      changes.push(Object.keys(seen.presenceState()).join())
      synchronised.resolve()
    })
    seen.on('presence', { event: 'join' }, ({ newPresences }) => joined.resolve(newPresences[0]))
    seen.on('presence', { event: 'leave' }, ({ leftPresences }) => left.resolve(leftPresences[0]))
    seen.subscribe()
    await synchronised.promise
    expect(changes).toEqual([''])
    const listener = await listen(ana, room, { presence: { key: 'ana' } })
    expect(await listener.channel.track({ typing: true })).toBe('ok')
    expect(await joined.promise).toMatchObject({ typing: true })
    expect(changes.at(-1)).toBe('ana')
    await ana.realtime.disconnect()
    expect(await left.promise).toMatchObject({ typing: true })
  })
})
