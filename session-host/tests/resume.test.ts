import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { TestClient } from './connect-client.ts'
import { startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Stream {
  member: Member
  sessionId: string
  /** Appends events, as a host does; about a message where one is given. */
  append: (count: number, messageId?: string) => Promise<void>
}

async function stream(): Promise<Stream> {
  const member = await gateway.createMember()
  const [session] = await gateway.database.query<{ id: string }>(
    'insert into public.whatsapp_sessions (user_id) values ($1) returning id',
    [member.id],
  )
  const sessionId = session?.id ?? ''
  return {
    member,
    sessionId,
    async append(count, messageId) {
      await gateway.database.query(
        `select private.append_events($1, $2, (
           select jsonb_agg(case when $4::uuid is null
               then jsonb_build_object('type', 'history.imported', 'data', '{"conversations": 0, "messages": 0}'::jsonb)
               else jsonb_build_object('type', 'message.updated', 'data', jsonb_build_object('conversation_id', $4, 'message_id', $4)) end)
             from generate_series(1, $3)))`,
        [sessionId, member.id, count, messageId ?? null],
      )
      await gateway.database.query(`select pg_notify('session_events', $1)`, [sessionId])
    },
  }
}

/** A message with a text of 60,000 characters. */
async function longMessage({ member, sessionId }: Stream): Promise<string> {
  const [row] = await gateway.database.query<{ id: string }>(
    `with p as (insert into public.contacts (user_id, session_id, phone) values ($1, $2, '34600000002') returning id),
       c as (insert into public.conversations_new (user_id, session_id, contact_id, external_id)
         select $1, $2, id, '34600000002@s.whatsapp.net' from p returning id)
     insert into public.messages_new (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id)
       select id, $1, $2, 'user', 'text', repeat('largo ', 10000), false, 'received', 'LARGO' from c returning id`,
    [member.id, sessionId],
  )
  return row?.id ?? ''
}

const seqsOf = (client: TestClient): number[] =>
  client.received.filter(({ event }) => event === 'event').map(({ data }) => (data as { seq: number }).seq)
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const until = (client: TestClient, seq: number) => client.next('event', (event: { seq: number }) => event.seq === seq)

/** The client's WebSocket, of the library ws: what is paused is not read, and pings are not answered. */
function inner(client: TestClient): { pause(): void; resume(): void } {
  return (client.socket.io.engine.transport as unknown as { ws: { pause(): void; resume(): void } }).ws
}

describe('join with since', () => {
  test('gives what was missed, then what happens, without a gap or a double, while it is being written', async () => {
    const { member, append } = await stream()
    await append(700)
    const client = await gateway.connect()
    const writing = (async () => {
      for (let n = 0; n < 40; n++) await append(5)
    })()
    expect(await client.ask('join', { token: member.token, since: 100 })).toMatchObject({ ok: true })
    await writing
    await until(client, 900)
    expect(seqsOf(client)).toEqual(numbers(101, 900))
  })

  test('goes on at another host where the first one’s client stopped', async () => {
    const { member, append } = await stream()
    await using second = await gateway.startHost()
    const first = await gateway.connect()
    await first.ask('join', { token: member.token, since: 0 })
    await append(30)
    await until(first, 30)
    first.socket.disconnect()
    await append(30)
    gateway.moveTo(`http://127.0.0.1:${second.port}`)
    const next = await gateway.connect()
    gateway.moveTo(undefined)
    await next.ask('join', { token: member.token, since: Math.max(...seqsOf(first)) })
    await append(30)
    await until(next, 90)
    expect([...seqsOf(first), ...seqsOf(next)]).toEqual(numbers(1, 90))
  })

  test('of a place that the log has not reached or no longer keeps is answered with resync, and with what comes after', async () => {
    const { member, sessionId, append } = await stream()
    await append(10)
    await gateway.database.query(`delete from public.session_events where session_id = $1 and seq <= 4`, [sessionId])
    await gateway.database.query('update private.session_streams set first_seq = 5 where session_id = $1', [sessionId])
    for (const since of [3, 11]) {
      const client = await gateway.connect()
      await client.ask('join', { token: member.token, since: { [sessionId]: since } })
      expect(await client.next('resync')).toEqual({ sessionId, seq: 10 })
      expect(seqsOf(client)).toEqual([])
      client.socket.disconnect()
    }
    const kept = await gateway.connect()
    await kept.ask('join', { token: member.token, since: { [sessionId]: 4 } })
    await until(kept, 10)
    expect(seqsOf(kept)).toEqual(numbers(5, 10))
  })
})

describe('a client that does not read', () => {
  test('gets as much as fits in between and no more; when it reads, the rest, in order', async () => {
    const one = await stream()
    await one.append(1_000, await longMessage(one))
    const client = await gateway.connect()
    await client.ask('join', { token: one.member.token })
    inner(client).pause()
    // 60 MB of events, of which a bounded number waits in the host.
    client.emit('join', { token: one.member.token, since: 0 })
    const quick = await gateway.join(one.member)
    await one.append(1)
    await until(quick, 1_001)
    expect(seqsOf(client)).toEqual([])
    inner(client).resume()
    await until(client, 1_001)
    expect(seqsOf(client)).toEqual(numbers(1, 1_001))
    expect(client.received.filter(({ event }) => event === 'resync')).toEqual([])
  })

  test('and falls far behind is told to resync, and goes on from there without a gap', async () => {
    const one = await stream()
    const client = await gateway.connect()
    await client.ask('join', { token: one.member.token })
    const quick = await gateway.join(one.member)
    inner(client).pause()
    await one.append(600, await longMessage(one))
    await until(quick, 600)
    for (let round = 1; round <= 3; round++) {
      await one.append(4_000)
      await until(quick, 600 + round * 4_000)
    }
    inner(client).resume()
    const { seq } = await client.next<{ seq: number }>('resync')
    await one.append(5)
    await until(client, 12_605)
    const seen = seqsOf(client)
    const before = seen.filter((each) => each <= seq)
    expect(before).toEqual(numbers(1, before.length))
    expect(before.length).toBeLessThan(600)
    expect(seen.slice(before.length)).toEqual(numbers(seq + 1, 12_605))
  })

  test('loses its connection within a second of its token’s end all the same', async () => {
    const one = await stream()
    await one.append(600, await longMessage(one))
    const client = await gateway.connect()
    const token = await one.member.mint({ expiresIn: 3 })
    const endsAt = expiryOf(token)
    await client.ask('join', { token })
    inner(client).pause()
    client.emit('join', { token, since: 0 })
    const slot = () =>
      gateway.database.query('select 1 from private.socket_connections where user_id = $1', [one.member.id])
    expect(await slot()).toHaveLength(1)
    await pause(endsAt + 1_000 - Date.now())
    expect(await slot()).toEqual([])
    inner(client).resume()
    expect(await client.closed).toBe('transport close')
  })
})

test('a token that runs out ends its connection within a second; a fresh one in time extends it, and nothing is missed', async () => {
  const { member, append } = await stream()
  const [ends, extended] = [await gateway.connect(), await gateway.connect()]
  const token = await member.mint({ expiresIn: 3 })
  const endsAt = expiryOf(token)
  for (const client of [ends, extended]) await client.ask('join', { token, since: 0 })
  await append(3)
  expect(await extended.ask('join', { token: await member.mint() })).toMatchObject({ ok: true })
  const late = pause(endsAt + 1_000 - Date.now()).then(() => 'late')
  expect(await Promise.race([ends.closed, late])).not.toBe('late')
  expect(Date.now()).toBeGreaterThanOrEqual(endsAt - 50)
  await append(2)
  await until(extended, 5)
  expect(seqsOf(extended)).toEqual(numbers(1, 5))
  expect(extended.socket.connected).toBe(true)
})

describe('five connections of a user', () => {
  test('on two hosts are all there may be: the sixth is refused at either, and the five live on', async () => {
    const member = await gateway.createMember()
    await using second = await gateway.startHost()
    const elsewhere = `http://127.0.0.1:${second.port}`
    const five: TestClient[] = []
    for (let n = 0; n < 5; n++) {
      gateway.moveTo(n % 2 === 0 ? undefined : elsewhere)
      five.push(await gateway.join(member))
    }
    for (const url of [undefined, elsewhere]) {
      gateway.moveTo(url)
      const sixth = await gateway.connect()
      expect(await sixth.ask('join', { token: member.token })).toMatchObject({
        error: { code: 'too_many_connections' },
      })
      await sixth.closed
    }
    gateway.moveTo(undefined)
    expect(five.map(({ socket }) => socket.connected)).toEqual([true, true, true, true, true])
  })

  test('of which one is dead make room for the one that comes back, at whichever host', async () => {
    const member = await gateway.createMember()
    await using second = await gateway.startHost()
    const five: TestClient[] = []
    for (let n = 0; n < 5; n++) five.push(await gateway.join(member))
    for (const url of [undefined, `http://127.0.0.1:${second.port}`]) {
      const dead = five.shift()
      if (!dead) throw new Error('none is left')
      inner(dead).pause()
      gateway.moveTo(url)
      five.push(await gateway.join(member))
      inner(dead).resume()
      await dead.closed
    }
    gateway.moveTo(undefined)
    expect(five.map(({ socket }) => socket.connected)).toEqual([true, true, true, true, true])
    expect(gateway.logs.filter((line) => line.includes('a dead connection is ended'))).toHaveLength(2)
  })
})

/** When a token ends, in ms. */
function expiryOf(token: string): number {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }
  return claims.exp * 1_000
}
