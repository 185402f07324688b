import { expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import { closeCode, connectionIs, createCompanion } from './testing/companion.ts'
import { createControl } from './testing/control.ts'
import { qrOf, queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test.for([
  [{ how: 'clean' }, 428],
  [{ how: 'dirty' }, 428],
  [{ code: 515 }, 515],
  [{ code: 503 }, 503],
  [{ code: 440 }, 440],
  [{ code: 401 }, 401],
] as const)('a dropped companion (%o) sees %i and can come back', async ([how, code]) => {
  await using world = await createWorldOfTwo(`drop-${code}`)
  const { companion, control, me } = world
  const from = companion.events.length
  expect(await control.post(`/phones/${me.number}/drop`, how)).toEqual({ dropped: 1 })
  expect(await companion.when('close', closeCode, from)).toBe(code)
  await companion.reconnect()
})

test('refused logins give their reason, then the device is let in again', async () => {
  await using world = await createWorldOfTwo('refused')
  const { companion, control, me } = world
  await control.post(`/phones/${me.number}/login_failure`, { reason: 405, times: 2 })
  for (let attempt = 0; attempt < 2; attempt++) {
    const from = companion.events.length
    companion.connect()
    expect(await companion.when('close', closeCode, from)).toBe(405)
  }
  await companion.reconnect()
})

test('an unlinked companion is told device_removed and is not let in again', async () => {
  await using world = await createWorldOfTwo('unlink')
  const { companion, control, me } = world
  const from = companion.events.length
  expect(await control.post(`/phones/${me.number}/unlink`)).toEqual({ unlinked: 1 })
  expect(await companion.when('close', closeCode, from)).toBe(401)
  const later = companion.events.length
  companion.connect()
  expect(await companion.when('close', closeCode, later)).toBe(401)
  expect(await control.get(`/phones/${me.number}`)).toMatchObject({ devices: [] })
})

test('a companion that logs out is gone from its phone', async () => {
  await using world = await createWorldOfTwo('logout')
  const { companion, control, me } = world
  await companion.socket.logout()
  const devices = await control.until(async () => {
    const phone = await control.get<{ devices: unknown[] }>(`/phones/${me.number}`)
    return phone.devices.length === 0 ? phone.devices : undefined
  })
  expect(devices).toEqual([])
})

test('a second connection of the same device replaces the first (440)', async () => {
  await using world = await createWorldOfTwo('replaced')
  const { companion } = world
  const first = companion.events.length
  companion.connect()
  expect(await companion.when('close', closeCode, first)).toBe(440)
  await companion.when('open', (event) => connectionIs(event, 'open'), first)
})

test('an unknown query is recorded and answered with 501', async () => {
  await using world = await createWorldOfTwo('unknown')
  const { companion, control, me } = world
  const query = companion.socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:nonsense' },
    content: [],
  })
  await expect(query).rejects.toMatchObject({ data: 501 })
  const { unhandled } = await control.get<{ unhandled: { number: string; stanza: string }[] }>('/unhandled')
  expect(unhandled).toMatchObject([{ number: me.number, device: 1, stanza: expect.stringContaining('w:nonsense') }])
  expect((await control.request('DELETE', '/unhandled')).body).toEqual({ unhandled: [] })
})

test('what a companion cannot decrypt it asks for again, and gets with the same id', async () => {
  await using world = await createWorldOfTwo('corrupt')
  const { companion, control, me, friend } = world
  await control.post('/faults', { fault: 'corrupt_messages', number: me.number })
  const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text: 'otra vez' })
  await companion.until('the text', () =>
    companion.messages().some((each) => each.key.id === id && each.message?.conversation === 'otra vez'),
  )
  expect(companion.messages().find((each) => each.key.id === id)?.messageStubType).toBe(2)
  await queueEmpty(control, me.number)
  await world.whenShown(friend.number, me.number, (each) => each.id === id && each.status === 'delivered')
})

test('what a phone cannot decrypt it asks for again, and shows it once', async () => {
  await using world = await createWorldOfTwo('forgotten')
  const { companion, control, me, friend, friendJid } = world
  const say = async (text: string) => {
    await companion.socket.sendMessage(friendJid.pn, { text })
    return world.whenShown(friend.number, me.number, (each) => each.text === text)
  }
  await say('uno')
  // Only after an answer does the companion send messages without pre-keys.
  await control.post(`/phones/${friend.number}/say`, { to: me.number, text: 'vale' })
  await companion.until('answer', () => companion.texts().includes('vale'))
  await control.post('/faults', { fault: 'forget_sessions', number: friend.number })
  expect(await say('dos')).toMatchObject({ copies: 1 })
  expect((await control.get<{ counters: Record<string, number> }>('/state')).counters).toMatchObject({
    phone_unreadable: 1,
  })
})

test('held acknowledgements come only when the fault ends, before any receipt', async () => {
  await using world = await createWorldOfTwo('held', { receiptDelayMs: 0 })
  const { companion, control, me, friend, friendJid } = world
  await control.post('/faults', { fault: 'hold_acks', number: me.number })
  const sent = await companion.socket.sendMessage(friendJid.pn, { text: 'sin acuse' })
  const about = () => companion.stanzas.filter((each) => each.attrs.id === sent?.key.id).map((each) => each.tag)
  await world.whenShown(friend.number, me.number, (each) => each.text === 'sin acuse')
  await companion.socket.fetchBlocklist()
  expect(about()).toEqual([])
  await control.post('/faults', { fault: 'hold_acks', number: me.number, on: false })
  await companion.until('ack and receipt', () => about().length === 2)
  expect(about()).toEqual(['ack', 'receipt'])
})

test('a connection cut after a message leaves it delivered and not acknowledged', async () => {
  await using world = await createWorldOfTwo('cut')
  const { companion, control, me, friend, friendJid } = world
  await control.post('/faults', { fault: 'drop_after_message', number: me.number })
  const from = companion.events.length
  const sent = await companion.socket.sendMessage(friendJid.pn, { text: 'cortado' })
  expect(await companion.when('close', closeCode, from)).toBe(428)
  expect(companion.stanzas.some((each) => each.tag === 'ack' && each.attrs.id === sent?.key.id)).toBe(false)
  expect(await world.shown(friend.number, me.number)).toMatchObject([{ text: 'cortado' }])
  await companion.reconnect()
  await companion.until('receipt', () =>
    companion.stanzas.some((each) => each.tag === 'receipt' && each.attrs.id === sent?.key.id),
  )
})

test('a refused message gets its error and goes nowhere', async () => {
  await using world = await createWorldOfTwo('refuse')
  const { companion, control, me, friend, friendJid } = world
  await control.post('/faults', { fault: 'refuse_messages', number: me.number, error: 479 })
  const sent = await companion.socket.sendMessage(friendJid.pn, { text: 'no' })
  const ack = () => companion.stanzas.find((each) => each.tag === 'ack' && each.attrs.id === sent?.key.id)
  await companion.until('ack', () => ack() !== undefined)
  expect(ack()?.attrs.error).toBe('479')
  expect(await world.shown(friend.number, me.number)).toEqual([])
})

test('pre-keys are topped up when the phones’ sessions have used them', async () => {
  await using world = await createWorldOfTwo('prekeys')
  const { companion, control, me } = world
  const left = async () =>
    (await control.get<{ devices: { prekeys: number }[] }>(`/phones/${me.number}`)).devices[0]?.prekeys ?? 0
  const before = await left()
  const someone = await control.post<{ number: string }>('/phones', { contacts: [], history: [] })
  await control.post(`/phones/${someone.number}/say`, { to: me.number, text: 'hola' })
  expect(await left()).toBe(before - 1)
  await control.post('/faults', { fault: 'lose_prekeys', number: me.number })
  await companion.until('notification', () =>
    companion.stanzas.some((each) => each.tag === 'notification' && each.attrs.type === 'encrypt'),
  )
  await control.until(async () => ((await left()) >= 5 ? true : undefined))
})

test('a stanza that comes twice at once is on the wire twice and answered for good', async () => {
  await using world = await createWorldOfTwo('twice')
  const { companion, control, me, friend } = world
  await control.post('/faults', { fault: 'duplicate_stanzas', number: me.number })
  const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text: 'doble' })
  const arrivals = () => companion.stanzas.filter((each) => each.tag === 'message' && each.attrs.id === id).length
  await companion.until('both', () => arrivals() === 2 && companion.texts().includes('doble'))
  await queueEmpty(control, me.number)
  expect(companion.texts().filter((text) => text === 'doble')).toHaveLength(1)
})

test('a silent server is noticed by the companion (408), which can come back', async () => {
  await using world = await createWorldOfTwo('silent', { keepAliveMs: 500 })
  const { companion, control, me } = world
  const from = companion.events.length
  await control.post('/faults', { fault: 'silence', number: me.number })
  expect(await companion.when('close', closeCode, from)).toBe(408)
  await companion.reconnect()
})

test('two devices that link at the same moment get different numbers', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'race' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  await using one = createCompanion(simulator.webSocketUrl)
  await using two = createCompanion(simulator.webSocketUrl)
  const codes = await Promise.all([qrOf(one), qrOf(two)])
  const linked = await Promise.all(
    codes.map((qr) => control.post<{ device: number }>(`/phones/${number}/scan`, { qr })),
  )
  expect(new Set(linked.map((each) => each.device))).toEqual(new Set([1, 2]))
})
