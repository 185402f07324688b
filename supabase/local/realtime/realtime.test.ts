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

  /** Does what a session-host does, as its own role, in one transaction. */
  async function asHost<T>(by: pg.Client, work: () => Promise<T>): Promise<T> {
    await by.query('begin; set local role session_host')
    try {
      const result = await work()
      await by.query('commit')
      return result
    } catch (error) {
      await by.query('rollback')
      throw error
    }
  }

  async function appendOnly(user: User, count: number, by: pg.Client = owner.client): Promise<void> {
    const events = JSON.stringify(Array.from({ length: count }, () => ({ type: 'message.created', data: {} })))
    await asHost(by, () => by.query('select private.append_events($1, $2, $3)', [user.sessionId, user.id, events]))
  }

  /** Tells Realtime what is new in some sessions; answers how many were told. */
  async function announce(of: User[], { by = owner.client, limit = 50 } = {}): Promise<number> {
    const { rows } = await asHost(by, () =>
      by.query<{ told: number }>('select private.broadcast_events($1, $2) as told', [
        of.map((user) => user.sessionId),
        limit,
      ]),
    )
    return rows[0]?.told ?? 0
  }

  async function append(user: User, count: number): Promise<void> {
    await appendOnly(user, count)
    expect(await announce([user])).toBe(1)
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

  test('whatever was written since the last announcement is one message, and is announced once', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    for (let n = 0; n < 20; n++) await appendOnly(user, 5)
    await append(user, 4900)
    expect(await announce([user])).toBe(0)
    await append(user, 1)
    expect(await listener.next()).toMatchObject({ payload: { seq_from: 1, seq_to: 5000 } })
    expect(await listener.next()).toMatchObject({ payload: { seq_from: 5001, seq_to: 5001 } })
  })

  test('an announcement of several sessions tells each owner of their own only', async () => {
    const [ana, ben] = [await newUser(), await newUser()]
    const hearsAna = await listen(await ana.signIn(), ana.topic, { private: true })
    const hearsBen = await listen(await ben.signIn(), ben.topic, { private: true })
    await appendOnly(ana, 2)
    await appendOnly(ben, 3)
    expect(await announce([ana, ben])).toBe(2)
    expect((await hearsAna.next()).payload).toMatchObject({ session_id: ana.sessionId, seq_from: 1, seq_to: 2 })
    expect((await hearsBen.next()).payload).toMatchObject({ session_id: ben.sessionId, seq_from: 1, seq_to: 3 })
    expect([hearsAna.received.length, hearsBen.received.length]).toEqual([1, 1])
  })

  test('of more sessions than one round takes, those that waited longest are told first, and nobody is forgotten', async () => {
    const three = [await newUser(), await newUser(), await newUser()]
    for (const user of three) await append(user, 1)
    for (const user of three) await appendOnly(user, 1)
    const hears = await Promise.all(
      three.map(async (user) => listen(await user.signIn(), user.topic, { private: true })),
    )
    for (const [n, listener] of hears.entries()) {
      expect(await announce(three, { limit: 1 })).toBe(1)
      expect(await listener.next()).toMatchObject({
        payload: { session_id: three[n]?.sessionId, seq_from: 2, seq_to: 2 },
      })
    }
    expect(await announce(three, { limit: 1 })).toBe(0)
  })

  test('while many write and several hosts announce, every event is announced once and in order', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    const [writers, hosts] = await Promise.all(
      [4, 3].map((count) => Promise.all(Array.from({ length: count }, () => connect(target.adminDatabaseUrl)))),
    )
    let writing = true
    const announced = Promise.all(
      (hosts ?? []).map(async (host) => {
        while (writing) await announce([user], { by: host.client })
      }),
    )
    await Promise.all(
      (writers ?? []).map(async (writer) => {
        for (let n = 0; n < 25; n++) await appendOnly(user, 1, writer.client)
      }),
    )
    writing = false
    await announced
    await announce([user])
    let heard = 0
    while (heard < 100) {
      const { seq_from, seq_to } = (await listener.next()).payload as { seq_from: number; seq_to: number }
      expect(seq_from).toBe(heard + 1)
      expect(seq_to).toBeGreaterThanOrEqual(seq_from)
      heard = seq_to
    }
    for (const connection of [...(writers ?? []), ...(hosts ?? [])]) await connection[Symbol.asyncDispose]()
  })

  test('what a host that died had in its hands is announced by the next', async () => {
    const user = await newUser()
    const listener = await listen(await user.signIn(), user.topic, { private: true })
    await appendOnly(user, 2)
    await using dying = await connect(target.adminDatabaseUrl)
    await dying.client.query('begin')
    await dying.client.query('select private.broadcast_events($1)', [[user.sessionId]])
    // It holds the session, and neither another host nor anybody who writes waits for it.
    expect(await announce([user])).toBe(0)
    await appendOnly(user, 1)
    await dying.client.query('rollback')
    expect(await announce([user])).toBe(1)
    expect(await listener.next()).toMatchObject({ payload: { seq_from: 1, seq_to: 3 } })
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
