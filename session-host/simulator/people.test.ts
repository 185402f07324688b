import { expect, test } from 'vitest'
import type { Companion } from './testing/companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo, type WorldOfTwo } from './testing/world-of-two.ts'

function say(world: WorldOfTwo, text: string) {
  return world.control.post<{ id: string }>(`/phones/${world.friend.number}/say`, { to: world.me.number, text })
}

function has(companion: Companion, text: string): Promise<void> {
  return companion.until(text, () => companion.texts().includes(text))
}

function keyOf(companion: Companion, text: string) {
  return companion.messages().find((each) => each.message?.conversation === text)?.key
}

test('typing and presence go out and in; playing is confirmed', async () => {
  await using world = await createWorldOfTwo('typing')
  const { companion, control, me, friend, friendJid } = world
  const presence = (state: string) =>
    companion.when(state, (event) =>
      event.type === 'presence.update' &&
      Object.values(event.data.presences).some((each) => each.lastKnownPresence === state)
        ? event.data
        : undefined,
    )
  await control.post(`/phones/${friend.number}/typing`, { to: me.number, state: 'recording' })
  expect((await presence('recording')).id).toBe(friendJid.lid)
  await companion.socket.presenceSubscribe(friendJid.lid)
  await presence('available')
  await control.post(`/phones/${friend.number}/presence`, { type: 'unavailable', last: 1_700_000_000 })
  const gone = await presence('unavailable')
  expect(Object.values(gone.presences)[0]?.lastSeen).toBe(1_700_000_000)
  const sent = await companion.socket.sendMessage(friendJid.lid, { text: 'escucha' })
  await world.whenShown(friend.number, me.number, (each) => each.text === 'escucha')
  await control.post(`/phones/${friend.number}/played`, { with: me.number, id: sent?.key.id })
  await companion.until('played', () => companion.status(sent?.key.id ?? '') === 5)
  await world.whenShown(me.number, friend.number, (each) => (each.status as string) === 'played')
})

test('a new picture is told and can be fetched from the simulator; a removed one is gone', async () => {
  await using world = await createWorldOfTwo('picture')
  const { companion, control, friend, friendJid } = world
  const change = (what: string) =>
    companion.when(what, (event) =>
      event.type === 'contacts.update' ? event.data.find((each) => each.imgUrl === what) : undefined,
    )
  const picture = Buffer.from('ffd8ffe000104a464946', 'hex')
  await control.request('PUT', `/phones/${friend.number}/picture`, { type: 'image/jpeg', body: picture })
  expect((await change('changed')).id).toBe(friendJid.lid)
  const url = await companion.socket.profilePictureUrl(friendJid.lid)
  expect(Buffer.from(await (await fetch(url ?? '')).arrayBuffer())).toEqual(picture)
  await control.request('DELETE', `/phones/${friend.number}/picture`)
  await change('removed')
  await expect(companion.socket.profilePictureUrl(friendJid.lid)).rejects.toMatchObject({ data: 404 })
})

test('a block on the phone is told to the companion and keeps messages away; the companion’s too', async () => {
  await using world = await createWorldOfTwo('block')
  const { companion, control, me, friend, friendJid } = world
  await control.post(`/phones/${me.number}/block`, { with: friend.number, on: true })
  const update = await companion.when('block', (event) => (event.type === 'blocklist.update' ? event.data : undefined))
  expect(update).toEqual({ blocklist: [friendJid.lid], type: 'add' })
  expect(await companion.socket.fetchBlocklist()).toEqual([friendJid.lid])
  await say(world, 'no llega')
  await companion.socket.updateBlockStatus(friendJid.lid, 'unblock')
  await say(world, 'llega')
  await has(companion, 'llega')
  expect(companion.texts()).not.toContain('no llega')
  expect((await world.shown(me.number, friend.number)).map((each) => each.text)).toEqual(['llega'])
})

test('somebody known by LID only has a number later; who changes it keeps LID and chat', async () => {
  await using world = await createWorldOfTwo('number')
  const { companion, control, me, friend, friendJid } = world
  await control.post(`/phones/${friend.number}/hide_number`, { on: true })
  await say(world, 'sin número')
  await has(companion, 'sin número')
  expect(keyOf(companion, 'sin número')).toMatchObject({ remoteJid: friendJid.lid, remoteJidAlt: undefined })
  await control.post(`/phones/${friend.number}/hide_number`, { on: false })
  await say(world, 'con número')
  await has(companion, 'con número')
  expect(keyOf(companion, 'con número')).toMatchObject({ remoteJid: friendJid.lid, remoteJidAlt: friendJid.pn })
  await control.post(`/phones/${friend.number}/change_number`, { number: '34600000999' })
  const notice = () => companion.stanzas.find((each) => each.tag === 'notification' && each.attrs.type === 'contacts')
  await companion.until('notice', () => notice() !== undefined)
  await control.post('/phones/34600000999/say', { to: me.number, text: 'número nuevo' })
  await has(companion, 'número nuevo')
  expect(keyOf(companion, 'número nuevo')).toMatchObject({
    remoteJid: friendJid.lid,
    remoteJidAlt: '34600000999@s.whatsapp.net',
  })
  expect((await world.shown(me.number, '34600000999')).map((each) => each.text)).toHaveLength(3)
})

test('a number that goes to somebody else comes with another LID', async () => {
  await using world = await createWorldOfTwo('recycled')
  const { companion, control, me, friend, friendJid } = world
  await say(world, 'el de antes')
  await has(companion, 'el de antes')
  await control.post(`/phones/${friend.number}/recycle`, { name: 'Otro', lid: '200000000000777' })
  await control.post(`/phones/${friend.number}/say`, { to: me.number, text: 'el de ahora', as: 'pn' })
  await has(companion, 'el de ahora')
  expect(keyOf(companion, 'el de ahora')).toMatchObject({
    remoteJid: friendJid.pn,
    remoteJidAlt: '200000000000777@lid',
  })
  await control.post(`/phones/${friend.lid}@lid/say`, { to: me.number, text: 'sigo aquí' })
  await has(companion, 'sigo aquí')
  expect(keyOf(companion, 'sigo aquí')?.remoteJid).toBe(friendJid.lid)
})
