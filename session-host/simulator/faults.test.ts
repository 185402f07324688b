import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { closeCode, type Companion } from './testing/companion.ts'
import { queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo, type WorldOfTwo } from './testing/world-of-two.ts'

function say(world: WorldOfTwo, text: string) {
  return world.control.post<{ id: string }>(`/phones/${world.friend.number}/say`, { to: world.me.number, text })
}

function fault(world: WorldOfTwo, request: Record<string, unknown>) {
  return world.control.post('/faults', { number: world.me.number, ...request })
}

function arrivals(companion: Companion, id: string) {
  return companion.stanzas.filter((each) => each.tag === 'message' && each.attrs.id === id)
}

function has(companion: Companion, text: string): Promise<void> {
  return companion.until(text, () => companion.texts().includes(text))
}

test.for(['unknown_session', 'malformed_messages', 'corrupt_messages'])(
  'after %s the companion asks again, or refuses, and the session goes on',
  async (name) => {
    await using world = await createWorldOfTwo(name)
    const { companion, control, me } = world
    await say(world, 'antes')
    await has(companion, 'antes')
    await fault(world, { fault: name })
    const { id } = await say(world, 'roto')
    await companion.until('arrived', () => arrivals(companion, id).length > 0)
    if (name !== 'malformed_messages') await has(companion, 'roto')
    await queueEmpty(control, me.number)
    await say(world, 'después')
    await has(companion, 'después')
    expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
  },
)

test('a receipt that is lost lets the stanza come again at the next login; a redelivered one comes again at once', async () => {
  await using world = await createWorldOfTwo('lost')
  const { companion, control, me } = world
  await fault(world, { fault: 'lose_receipts' })
  const { id } = await say(world, 'uno')
  await has(companion, 'uno')
  await control.until(async () =>
    (await control.get<{ active: unknown[] }>('/faults')).active.length === 0 ? true : undefined,
  )
  await companion.reconnect()
  await companion.until('again', () => arrivals(companion, id).length === 2)
  expect(arrivals(companion, id)[1]?.attrs.offline).toBe('0')
  await fault(world, { fault: 'redeliver_messages' })
  const second = await say(world, 'dos')
  await companion.until('again', () => arrivals(companion, second.id).length === 2)
  await queueEmpty(control, me.number)
})

test('delayed stanzas are late, reordered ones swap places', async () => {
  await using world = await createWorldOfTwo('late')
  const { companion } = world
  await fault(world, { fault: 'reorder_stanzas' })
  const [one, two] = [await say(world, 'uno'), await say(world, 'dos')]
  await companion.until('both', () => companion.texts().length === 2)
  const order = companion.stanzas.filter((each) => each.tag === 'message').map((each) => each.attrs.id)
  expect(order.indexOf(two.id)).toBeLessThan(order.indexOf(one.id))
  const three = await say(world, 'tres')
  await fault(world, { fault: 'reorder_stanzas', on: false })
  await has(companion, 'tres')
  expect(arrivals(companion, three.id)).toHaveLength(1)
  await fault(world, { fault: 'delay_stanzas', delay_ms: 300 })
  const started = Date.now()
  await say(world, 'cuatro')
  await has(companion, 'cuatro')
  expect(Date.now() - started).toBeGreaterThanOrEqual(290)
})

test('a wire that is cut at a named step leaves what that step promises', async () => {
  await using world = await createWorldOfTwo('steps')
  const { companion, friend, friendJid, me } = world
  const cut = async (step: string, act: () => Promise<unknown>): Promise<void> => {
    const from = companion.events.length
    await fault(world, { fault: 'drop_at', step })
    await Promise.all([act().catch(() => undefined), companion.when('close', closeCode, from)])
    await companion.reconnect()
  }
  await cut('before_accept', () => companion.socket.sendMessage(friendJid.lid, { text: 'nunca' }))
  await cut('before_ack', () => companion.socket.sendMessage(friendJid.lid, { text: 'sin acuse' }))
  await cut('after_ack', () => companion.socket.sendMessage(friendJid.lid, { text: 'con acuse' }))
  await world.whenShown(friend.number, me.number, (each) => each.text === 'con acuse')
  expect((await world.shown(friend.number, me.number)).map((each) => each.text)).toEqual(['sin acuse', 'con acuse'])
  await cut('after_delivery', () => say(world, 'en el cable'))
  await has(companion, 'en el cable')
  // Its own receipt must be through, or the next fault takes that one.
  await queueEmpty(world.control, world.me.number)
  let id = ''
  await cut('at_receipt', async () => {
    id = (await say(world, 'sin recibo')).id
  })
  await companion.until('again', () => arrivals(companion, id).length === 2)
})

test('rate-overlimit, refused upgrades and any end of the stream are what the companion sees', async () => {
  await using world = await createWorldOfTwo('limits')
  const { companion, control, me } = world
  await fault(world, { fault: 'rate_overlimit', xmlns: 'w:g2', times: 1 })
  await expect(companion.socket.groupFetchAllParticipating()).rejects.toMatchObject({ data: 429 })
  expect(await companion.socket.groupFetchAllParticipating()).toEqual({})
  const dropped = async (body: object): Promise<number> => {
    const from = companion.events.length
    await control.post(`/phones/${me.number}/drop`, body)
    return companion.when('close', closeCode, from)
  }
  expect(await dropped({ how: 'downgrade' })).toBe(411)
  await companion.reconnect()
  expect(await dropped({ error: 'xml-not-well-formed' })).toBe(500)
  await companion.reconnect()
  await control.post('/faults', { fault: 'refuse_upgrades', status: 502 })
  const client = new WebSocket(world.simulator.webSocketUrl)
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
  expect(response.statusCode).toBe(502)
  await companion.reconnect()
})

test('a script does its steps at their events and times, and stops at the first that fails', async () => {
  await using world = await createWorldOfTwo('script')
  const { control, companion, me, friend } = world
  const toSay = (text: string) => ({ path: `/phones/${friend.number}/say`, body: { to: me.number, text } })
  const plan = [
    { on: { type: 'receipt.device', number: me.number }, path: `/phones/${me.number}/drop`, body: { how: 'clean' } },
    { after_ms: 10, ...toSay('tres') },
    { path: '/phones/1/say', body: {} },
    toSay('nunca'),
  ]
  const { id } = await control.post<{ id: string }>('/scripts', { steps: plan })
  const from = companion.events.length
  await say(world, 'uno')
  expect(await companion.when('close', closeCode, from)).toBe(428)
  await companion.reconnect()
  await has(companion, 'tres')
  await expect
    .poll(() => control.get(`/scripts/${id}`))
    .toMatchObject({ state: 'failed', step: 3, answers: [{ status: 200 }, { status: 200 }, { status: 404 }] })
})

test('a half-open connection answers nothing while TCP stays up, until the companion gives up', async () => {
  await using world = await createWorldOfTwo('half-open', { keepAliveMs: 500 })
  const { companion, control, me } = world
  await fault(world, { fault: 'half_open' })
  const from = companion.events.length
  // Baileys then waits 30 s for the answer to its closing handshake, which does not come either.
  await vi.waitFor(() => expect(companion.socket.ws.isOpen).toBe(false), { timeout: 25_000 })
  companion.cutWire()
  expect(await companion.when('lost', closeCode, from)).toBe(408)
  await say(world, 'sigue')
  await companion.reconnect()
  await has(companion, 'sigue')
  await queueEmpty(control, me.number)
})

test.for(['bad_frame', 'undecodable_stanza', 'oversized_frame'])(
  'after %s the companion comes back and misses nothing',
  async (name) => {
    await using world = await createWorldOfTwo(name)
    const { companion, control, me } = world
    const broken = survive(companion)
    await fault(world, { fault: name, bytes: 4_000_000 })
    if (name !== 'oversized_frame') await broken
    else await companion.until('frame', () => companion.stanzas.some((each) => each.tag === 'simulator_oversized'))
    await companion.reconnect()
    await say(world, 'sigue')
    await has(companion, 'sigue')
    await queueEmpty(control, me.number)
    expect(companion.texts()).toEqual(['sigue'])
  },
)

/** Baileys lets a frame that it cannot read reject unheard; resolves with that error. */
function survive(companion: Companion): Promise<unknown> {
  const { ws } = companion.socket
  const [receive] = ws.listeners('message') as ((data: Buffer) => Promise<void>)[]
  ws.removeAllListeners('message')
  return new Promise((resolve) => {
    ws.on('message', (data: Buffer) => void receive?.(data).catch(resolve))
  })
}
