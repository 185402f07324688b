import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Presence } from '#shared/presence.ts'
import { listen } from '../../supabase/local/realtime/listen.fixture.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let stranger: Member

beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
  stranger = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'hola' })
  await gateway.database.until('select 1 from public.messages_new', [], (rows) => rows.length > 0)
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Resolves when a phone's presence, towards somebody or everybody, is this one. */
async function shown(state: string, towards?: string): Promise<void> {
  const abort = new AbortController()
  const response = await fetch(`${gateway.simulator.url}/events?after=0`, { signal: abort.signal })
  let text = ''
  try {
    for await (const piece of response.body ?? []) {
      text += Buffer.from(piece).toString('utf8')
      const events = text
        .split('\n')
        .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as Shown] : []))
      if (events.some((event) => event.type === 'presence.changed' && event.state === state && event.with === towards))
        return
    }
  } finally {
    abort.abort()
  }
  throw new Error('the simulator ended before it happened')
}
interface Shown {
  type: string
  state?: string
  with?: string
}

test('a contact who types or records is shown at once, on the socket and on the user’s topic, and to nobody else', async () => {
  const client = await gateway.join(member)
  const other = await gateway.join(stranger)
  const supabase = createClient(gateway.stack.url, gateway.stack.publishableKey, {
    accessToken: () => Promise.resolve(member.token),
  })
  const page = await listen(supabase, `user:${member.id}`, { private: true })
  const before = await gateway.database.query('select 1 from public.session_events')
  for (const [as, state] of [
    ['lid', 'composing'],
    ['pn', 'recording'],
  ] as const) {
    await gateway.control.post(`/phones/${bea.number}/typing`, { to: ana.number, state, as })
    const told = await client.next<Presence>('presence', (presence) => presence.state === state)
    expect(told).toMatchObject({ externalId: jidOf(bea), participant: null, lastSeen: null })
    expect(await page.next()).toMatchObject({ event: 'presence', payload: told })
  }
  await gateway.control.post(`/phones/${bea.number}/typing`, { to: ana.number, state: 'paused' })
  await client.next<Presence>('presence', (presence) => presence.state === 'available')
  expect(other.received.map((each) => each.event)).not.toContain('presence')
  expect(await gateway.database.query('select 1 from public.session_events')).toEqual(before)
  await supabase.realtime.removeAllChannels()
})

test('who watches a chat is told when the other side comes and goes, and when it was last there', async () => {
  const client = await gateway.join(member)
  expect(await client.ask('set-presence', { conversationId: jidOf(bea), state: 'watch' })).toMatchObject({ ok: true })
  await client.next<Presence>('presence', (presence) => presence.state === 'available')
  await gateway.control.post(`/phones/${bea.number}/presence`, { type: 'unavailable', last: 1_700_000_000 })
  expect(await client.next<Presence>('presence', (presence) => presence.state === 'unavailable')).toMatchObject({
    externalId: jidOf(bea),
    lastSeen: '2023-11-14T22:13:20Z',
  })
})

test('that one types and is online is shown to the contact: over the socket, REST and supabase-js', async () => {
  const client = await gateway.join(member)
  const conversationId = jidOf(bea)
  expect(await client.ask('set-presence', { conversationId, state: 'composing' })).toEqual({
    ok: true,
    data: { state: 'composing' },
  })
  await shown('composing', bea.number)
  const answer = await gateway.rest(member, 'POST', 'presence', { conversationId, state: 'recording' })
  expect(answer).toEqual({ status: 200, body: { success: true, state: 'recording' } })
  await shown('recording', bea.number)
  const supabase = createClient(gateway.stack.url, gateway.stack.publishableKey, {
    accessToken: () => Promise.resolve(member.token),
  })
  const { error } = await supabase.rpc('set_presence', { p_state: 'paused', p_conversation: conversationId })
  expect(error).toBeNull()
  await shown('paused', bea.number)
})

test('only in one’s own conversations, and only what there is', async () => {
  for (const [who, body, status] of [
    [stranger, { conversationId: jidOf(bea), state: 'composing' }, 404],
    [stranger, { state: 'available' }, 409],
    [member, { state: 'composing' }, 400],
    [member, { conversationId: jidOf(bea), state: 'available' }, 400],
    [member, { conversationId: jidOf(bea), state: 'sleeping' }, 400],
  ] as const)
    expect(await gateway.rest(who, 'POST', 'presence', body)).toMatchObject({ status })
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
