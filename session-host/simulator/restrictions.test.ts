import { expect, test } from 'vitest'
import { closeCode } from './testing/companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test('a client below the demanded revision is refused with 405 until it is gone, and /sw.js says which one is wanted', async () => {
  await using world = await createWorldOfTwo('outdated')
  const { companion, control } = world
  const offered = async () =>
    /client_revision\\":(\d+)/.exec(await (await fetch(`${world.simulator.url}/sw.js`)).text())
  expect((await offered())?.[1]).toBe('1043857760')
  await control.post('/faults', { fault: 'outdated_client', revision: 2_000_000_000 })
  expect((await offered())?.[1]).toBe('2000000000')
  const from = companion.events.length
  await companion.socket.end(undefined)
  companion.connect()
  expect(await companion.when('refused', (event) => closeCode(event) || undefined, from)).toBe(405)
  await control.post('/faults', { fault: 'outdated_client', on: false })
  await companion.reconnect()
})

test('a number whose account is gone is not on WhatsApp and has no devices', async () => {
  await using world = await createWorldOfTwo('gone')
  const { companion, control, friend } = world
  expect(await companion.socket.onWhatsApp(friend.number)).toMatchObject([{ exists: true }])
  await control.post('/faults', { fault: 'not_on_whatsapp', number: friend.number })
  expect(await companion.socket.onWhatsApp(friend.number)).toEqual([])
  expect(await companion.socket.getUSyncDevices([`${friend.number}@s.whatsapp.net`], false, false)).toEqual([])
  await control.post('/faults', { fault: 'not_on_whatsapp', number: friend.number, on: false })
  expect(await companion.socket.onWhatsApp(friend.number)).toMatchObject([{ exists: true }])
})

test('under a timelock first messages are refused with 463, chats go on, and the companion is told when it begins and ends', async () => {
  await using world = await createWorldOfTwo('timelock')
  const { companion, control, me, friend, friendJid } = world
  const locked = (active: boolean, from = 0) =>
    companion.when(
      'timelock',
      (event) =>
        event.type === 'connection.update' && event.data.reachoutTimeLock?.isActive === active
          ? event.data.reachoutTimeLock
          : undefined,
      from,
    )
  await control.post('/faults', { fault: 'reachout_timelock', number: me.number, seconds: 600 })
  expect((await locked(true)).timeEnforcementEnds?.getTime()).toBeGreaterThan(Date.now() + 500_000)
  expect((await companion.socket.fetchAccountReachoutTimelock()).isActive).toBe(true)
  const sent = await companion.socket.sendMessage(friendJid.lid, { text: 'hola' })
  const refused = () =>
    companion.stanzas.find((each) => each.tag === 'ack' && each.attrs['id'] === sent?.key.id)?.attrs['error']
  await companion.until('refused', () => refused() === '463')
  await control.post(`/phones/${friend.number}/say`, { to: me.number, text: 'escribo yo' })
  await companion.until('written', () => companion.texts().includes('escribo yo'))
  await companion.socket.sendMessage(friendJid.lid, { text: 'respondo' })
  await world.whenShown(friend.number, me.number, (each) => each.text === 'respondo')
  const from = companion.events.length
  await control.post('/faults', { fault: 'reachout_timelock', number: me.number, on: false })
  await locked(false, from)
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a cap on messages to new people is told when it begins and when it is lifted', async () => {
  await using world = await createWorldOfTwo('cap')
  const { companion, control, me } = world
  const told = (status: string) =>
    companion.when('cap', (event) =>
      event.type === 'message-capping.update' && event.data.capping_status === status ? event.data : undefined,
    )
  await control.post('/faults', { fault: 'message_cap', number: me.number })
  await told('CAPPED')
  expect(await companion.socket.fetchNewChatMessageCap()).toMatchObject({ capping_status: 'CAPPED' })
  await control.post('/faults', { fault: 'message_cap', number: me.number, on: false })
  await told('NONE')
})
