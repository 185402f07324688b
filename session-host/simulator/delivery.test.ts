import { expect, test } from 'vitest'
import type { Companion } from './testing/companion.ts'
import { queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

function arrivals(companion: Companion, id: string) {
  return companion.stanzas.filter((each) => each.tag === 'message' && each.attrs.id === id)
}

test('what comes while the companion is away waits, arrives marked offline and in order, and is gone when confirmed', async () => {
  await using world = await createWorldOfTwo('offline')
  const { control, companion, me, friend } = world
  const say = (text: string) => control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text })
  await companion.socket.end(undefined)
  await control.until(async () =>
    (await control.get<{ connections: number }>('/state')).connections === 0 ? true : undefined,
  )
  const sent = [await say('uno'), await say('dos'), await say('tres')]
  await companion.reconnect()
  await companion.until('three texts', () => companion.texts().length === 3)
  expect(companion.texts()).toEqual(['uno', 'dos', 'tres'])
  expect(sent.map(({ id }) => arrivals(companion, id)[0]?.attrs.offline)).toEqual(['0', '1', '2'])
  const appended = companion.events.filter((event) => event.type === 'messages.upsert' && event.data.type === 'append')
  expect(appended.length).toBeGreaterThan(0)
  await queueEmpty(control, me.number)
  await companion.reconnect()
  expect(sent.map(({ id }) => arrivals(companion, id).length)).toEqual([1, 1, 1])
})

test('a stanza that was not answered is delivered again, and no more once it is', async () => {
  await using world = await createWorldOfTwo('again')
  const { control, companion, me, friend } = world
  companion.socket.ws.prependOnceListener('CB:message', () => companion.cutWire())
  const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/say`, {
    to: me.number,
    text: 'dos veces',
  })
  await companion.until('first arrival', () => arrivals(companion, id).length === 1)
  await companion.reconnect()
  await companion.until('second arrival', () => arrivals(companion, id).length === 2)
  expect(arrivals(companion, id)[1]?.attrs.offline).toBe('0')
  await queueEmpty(control, me.number)
  await companion.reconnect()
  expect(arrivals(companion, id)).toHaveLength(2)
})

test('the first message of a phone is a pre-key message, those after an answer are not', async () => {
  await using world = await createWorldOfTwo('ratchet')
  const { control, companion, me, friend, friendJid } = world
  const encOf = (id: string): string | undefined => {
    const content = arrivals(companion, id)[0]?.content as { tag: string; attrs: { type?: string } }[] | undefined
    return content?.find((each) => each.tag === 'enc')?.attrs.type
  }
  const say = async (text: string) => {
    const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text })
    await companion.until(text, () => companion.texts().includes(text))
    return id
  }
  expect(encOf(await say('primero'))).toBe('pkmsg')
  await companion.socket.sendMessage(friendJid.lid, { text: 'respuesta' })
  await world.whenShown(friend.number, me.number, (each) => each.text === 'respuesta')
  expect(encOf(await say('segundo'))).toBe('msg')
})

test('the phone’s own messages reach its companion as sent by itself, and reading on the phone is told', async () => {
  await using world = await createWorldOfTwo('own')
  const { control, companion, me, friend, friendJid } = world
  const { id } = await control.post<{ id: string }>(`/phones/${me.number}/say`, {
    to: friend.number,
    text: 'desde el móvil',
  })
  await companion.until('own text', () => companion.texts().includes('desde el móvil'))
  const own = companion.messages().find((each) => each.key.id === id)
  expect(own?.key).toMatchObject({ fromMe: true, remoteJid: friendJid.lid })
  const from = await control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text: 'léeme' })
  await companion.until('text', () => companion.texts().includes('léeme'))
  expect(await control.post(`/phones/${me.number}/read`, { with: friend.number })).toEqual({ read: [from.id] })
  await companion.until('read elsewhere', () => companion.status(from.id) === 4)
  expect(companion.stanzas.find((each) => each.tag === 'receipt' && each.attrs.id === from.id)?.attrs).toMatchObject({
    type: 'read',
    from: `${me.lid}@lid`,
    recipient: friendJid.lid,
  })
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('what the companion reads is read on its phone, and the author’s phone shows it', async () => {
  await using world = await createWorldOfTwo('read')
  const { control, companion, me, friend } = world
  const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text: '¿Sí?' })
  await companion.until('text', () => companion.texts().includes('¿Sí?'))
  const unread = async () =>
    (await control.get<{ chats: { unread: number }[] }>(`/phones/${me.number}`)).chats[0]?.unread
  expect(await unread()).toBe(1)
  const message = companion.messages().find((each) => each.key.id === id)
  if (message) await companion.socket.readMessages([message.key])
  await world.whenShown(friend.number, me.number, (each) => each.id === id && each.status === 'read')
  expect(await unread()).toBe(0)
})

test('a phone in airplane mode confirms nothing and shows everything afterwards', async () => {
  await using world = await createWorldOfTwo('airplane', { receiptDelayMs: 0 })
  const { control, companion, me, friend, friendJid } = world
  await control.post(`/phones/${friend.number}/airplane`, { on: true })
  const sent = await companion.socket.sendMessage(friendJid.pn, { text: 'ya lo verás' })
  const id = sent?.key.id ?? ''
  const shown = await world.whenShown(me.number, friend.number, (each) => each.id === id)
  expect(shown.status).toBe('sent')
  expect(await world.shown(friend.number, me.number)).toEqual([])
  const say = await control.request('POST', `/phones/${friend.number}/say`, {
    type: 'application/json',
    body: JSON.stringify({ to: me.number, text: 'x' }),
  })
  expect(say).toMatchObject({ status: 409, body: { error: { code: 'phone_offline' } } })
  await control.post(`/phones/${friend.number}/airplane`, { on: false })
  expect(await world.shown(friend.number, me.number)).toMatchObject([{ id, text: 'ya lo verás', copies: 1 }])
  await world.whenShown(me.number, friend.number, (each) => each.id === id && each.status === 'delivered')
})

test('a message sent twice with the same id is shown once, with two copies', async () => {
  await using world = await createWorldOfTwo('copies')
  const { companion, me, friend, friendJid } = world
  await companion.socket.sendMessage(friendJid.pn, { text: 'una vez' }, { messageId: '3EB0AAAABBBBCCCC0001' })
  await companion.socket.sendMessage(friendJid.pn, { text: 'una vez' }, { messageId: '3EB0AAAABBBBCCCC0001' })
  await world.whenShown(friend.number, me.number, (each) => each.copies === 2)
  expect(await world.shown(friend.number, me.number)).toHaveLength(1)
})

test('a message that is read at once is confirmed as delivered first, and neither before the receipt delay', async () => {
  await using world = await createWorldOfTwo('order')
  const { companion, control, me, friend, friendJid } = world
  const sent = await companion.socket.sendMessage(friendJid.lid, { text: 'rápido' })
  const started = Date.now()
  await world.whenShown(friend.number, me.number, (each) => each.text === 'rápido')
  await control.post(`/phones/${friend.number}/read`, { with: me.number })
  const receipts = () => companion.stanzas.filter((each) => each.tag === 'receipt' && each.attrs.id === sent?.key.id)
  await companion.until('both receipts', () => receipts().length === 2)
  expect(receipts().map((each) => each.attrs.type)).toEqual([undefined, 'read'])
  expect(Date.now() - started).toBeGreaterThan(200)
})
