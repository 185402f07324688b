import { expect, test } from 'vitest'
import { proto, type BaileysEventMap } from '@whiskeysockets/baileys'
import { createSimulator } from './simulator.ts'
import type { Companion } from './testing/companion.ts'
import { createControl } from './testing/control.ts'
import { linkedCompanion } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

const { RECENT } = proto.HistorySync.HistorySyncType

function histories(companion: Companion): BaileysEventMap['messaging-history.set'][] {
  return companion.events.flatMap((event) => (event.type === 'messaging-history.set' ? [event.data] : []))
}

test('a new device gets the chats, names, unread counts and messages of its phone, once', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'history' })
  const control = createControl(simulator.url)
  const number = '12025550400'
  const messages = Array.from({ length: 45 }, (_, index) => ({
    from_me: index % 3 === 0,
    text: `mensaje ${index}`,
    at: 1_700_000_000 + index * 60,
  }))
  await control.post('/phones', {
    number,
    name: 'Tienda',
    contacts: [
      { number: '34600000401', lid: '200000000000401', name: 'Íñigo Peña', push_name: 'Iñi' },
      { number: '34600000402', lid: '200000000000402', name: 'sin guardar', push_name: 'Begoña', saved: false },
    ],
    history: [
      { with: '34600000401', messages, unread: 2 },
      {
        with: '34600000402',
        messages: [{ from_me: false, text: 'hola', at: 1_700_000_500, id: 'HISTORY0001' }],
        unread: 1,
      },
    ],
  })
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  const all = () => histories(companion).flatMap((each) => each.messages)
  await companion.until('the older part', () => all().length >= 46)
  expect(new Set(all().map((each) => each.message?.conversation))).toEqual(
    new Set([...messages.map((each) => each.text), 'hola']),
  )
  const chats = new Map(histories(companion).flatMap((each) => each.chats.map((chat) => [chat.id, chat] as const)))
  expect(chats.get('34600000401@s.whatsapp.net')).toMatchObject({
    name: 'Íñigo Peña',
    unreadCount: 2,
    lidJid: '200000000000401@lid',
  })
  expect(chats.get('200000000000402@lid')).toMatchObject({
    name: 'Begoña',
    unreadCount: 1,
    pnJid: '34600000402@s.whatsapp.net',
  })
  expect(all().find((each) => each.key.id === 'HISTORY0001')).toMatchObject({
    key: { fromMe: false },
    messageTimestamp: expect.anything(),
  })
  const pushNames = histories(companion).flatMap((each) => each.contacts.map((contact) => contact.notify))
  expect(pushNames).toEqual(expect.arrayContaining(['Tienda', 'Iñi', 'Begoña']))
  const mapped = await companion.socket.signalRepository.lidMapping.getLIDForPN('34600000401@s.whatsapp.net')
  expect(mapped).toBe('200000000000401@lid')
  expect(companion.auth.state.creds.myAppStateKeyId).toBeTruthy()
  expect(companion.auth.state.creds.me?.name).toBe('Tienda')
  const before = histories(companion).length
  await companion.reconnect()
  await companion.socket.fetchBlocklist()
  expect(histories(companion)).toHaveLength(before)
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('older messages of a chat come when the companion asks for them', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'older' })
  const control = createControl(simulator.url)
  const number = '12025550410'
  const messages = Array.from({ length: 205 }, (_, index) => ({
    from_me: false,
    text: `m${index}`,
    at: 1_700_000_000 + index,
    id: `OLDER${String(index).padStart(3, '0')}`,
  }))
  await control.post('/phones', { number, history: [{ with: '34600000411', messages }] })
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  await companion.until('what comes unasked', () => histories(companion).some((each) => each.syncType === RECENT))
  expect(histories(companion).flatMap((each) => each.messages)).toHaveLength(200)
  await companion.socket.fetchMessageHistory(
    2,
    { remoteJid: '34600000411@s.whatsapp.net', id: 'OLDER005', fromMe: false },
    1_700_000_005_000,
  )
  const answer = await companion.when('older', (event) =>
    event.type === 'messaging-history.set' && event.data.peerDataRequestSessionId ? event.data : undefined,
  )
  expect(answer.messages.map((each) => each.message?.conversation)).toEqual(['m4', 'm3'])
})

test('a chunk that a companion could not get comes again when it asks, as a file of its own; another’s does not', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'again' })
  const control = createControl(simulator.url)
  const number = '12025550420'
  await control.post('/phones', {
    number,
    history: [{ with: '34600000421', messages: [{ from_me: false, text: 'hola', at: 1_700_000_000 }] }],
  })
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  await companion.until('what comes unasked', () => histories(companion).some((each) => each.syncType === RECENT))
  const announced = companion.events.flatMap((event) =>
    event.type === 'messages.upsert'
      ? event.data.messages.flatMap(({ key, message }) => {
          const notification = message?.protocolMessage?.historySyncNotification
          return notification ? [{ id: key.id, ...notification }] : []
        })
      : [],
  )
  const recent = announced.find((each) => each.syncType === (RECENT as number))
  if (!recent?.id) throw new Error('no chunk was announced')
  const before = histories(companion).length
  const ask = (chunkNotificationId: string): Promise<string> =>
    companion.socket.sendPeerDataOperationMessage({
      peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.HISTORY_SYNC_CHUNK_RETRY,
      historySyncChunkRetryRequest: {
        syncType: RECENT as number,
        chunkOrder: recent.chunkOrder ?? 0,
        chunkNotificationId,
      },
    })
  await ask('SOMETHINGELSE')
  await ask(recent.id)
  await companion.until('the chunk again', () => histories(companion).length > before)
  expect(histories(companion).at(-1)).toMatchObject({ syncType: RECENT, chunkOrder: recent.chunkOrder })
  expect(histories(companion)).toHaveLength(before + 1)
})
