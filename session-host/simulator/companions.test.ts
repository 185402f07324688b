import { expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import type { Companion } from './testing/companion.ts'
import { createControl, type ShownMessage } from './testing/control.ts'
import { linkedCompanion, queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

function has(companion: Companion, text: string): Promise<void> {
  return companion.until(text, () => companion.texts().includes(text))
}

test('companions of two accounts write to each other; phones, second devices and receipts follow', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'pair' })
  const control = createControl(simulator.url)
  const [a, b] = ['12025550600', '12025550601']
  await control.post('/phones', { number: a, contacts: [{ number: b, name: 'Bea' }] })
  await control.post('/phones', { number: b, contacts: [{ number: a, name: 'Ana' }] })
  await using one = await linkedCompanion(simulator.webSocketUrl, control, a)
  await one.socket.sendMessage(`${b}@s.whatsapp.net`, { text: 'antes de que enlaces' })
  await using two = await linkedCompanion(simulator.webSocketUrl, control, b)
  await using second = await linkedCompanion(simulator.webSocketUrl, control, a)
  await queueEmpty(control, a)
  const sent = await one.socket.sendMessage(`${b}@s.whatsapp.net`, { text: 'de compañero a compañero' })
  await Promise.all([has(two, 'de compañero a compañero'), has(second, 'de compañero a compañero')])
  const got = two.messages().find((each) => each.key.id === sent?.key.id)
  expect(got?.key).toMatchObject({ fromMe: false, remoteJid: `${a}@s.whatsapp.net` })
  expect(second.messages().find((each) => each.key.id === sent?.key.id)?.key).toMatchObject({
    fromMe: true,
    remoteJid: `${b}@s.whatsapp.net`,
  })
  if (got) await two.socket.readMessages([got.key])
  await one.until('read', () => one.status(sent?.key.id ?? '') === 4)
  await two.socket.sendMessage(got?.key.remoteJid ?? '', { text: 'respuesta' })
  await Promise.all([has(one, 'respuesta'), has(second, 'respuesta')])
  const shown = await control.get<{ messages: ShownMessage[] }>(`/phones/${b}/messages?with=${a}`)
  expect(shown.messages.map((each) => [each.text, each.via])).toEqual([
    ['antes de que enlaces', 'companion:1'],
    ['de compañero a compañero', 'companion:1'],
    ['respuesta', 'companion:1'],
  ])
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a setting changed by one companion reaches the other through app state', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'state' })
  const control = createControl(simulator.url)
  const number = '12025550610'
  await control.post('/phones', { number })
  await using one = await linkedCompanion(simulator.webSocketUrl, control, number)
  await using two = await linkedCompanion(simulator.webSocketUrl, control, number)
  await one.socket.chatModify({ archive: true, lastMessages: [] }, '34600000611@s.whatsapp.net')
  const change = await two.when('archived', (event) =>
    event.type === 'chats.update' ? event.data.find((each) => each.archived === true) : undefined,
  )
  expect(change.id).toBe('34600000611@s.whatsapp.net')
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('queries about people: on WhatsApp or not, pictures, about, groups', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'usync' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  const other = await control.post<{ number: string; lid: string }>('/phones', { name: 'Otra' })
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  const { socket } = companion
  expect(await socket.onWhatsApp(`+${other.number}`)).toEqual([{ jid: `${other.number}@s.whatsapp.net`, exists: true }])
  expect((await socket.onWhatsApp('+34999999999'))?.filter((each) => each.exists)).toEqual([])
  await expect(socket.profilePictureUrl(`${other.number}@s.whatsapp.net`)).rejects.toMatchObject({ data: 404 })
  expect(await socket.groupFetchAllParticipating()).toEqual({})
  expect((await socket.getUSyncDevices([`${other.lid}@lid`], false, false)).map((each) => each.jid)).toEqual([
    `${other.lid}@lid`,
  ])
  await socket.updateProfileStatus('De 9 a 14')
  expect(await socket.fetchStatus(`${number}@s.whatsapp.net`)).toMatchObject([{ status: { status: 'De 9 a 14' } }])
  await socket.updateReadReceiptsPrivacy('none')
  expect(await socket.fetchPrivacySettings(true)).toMatchObject({ readreceipts: 'none' })
  await socket.presenceSubscribe(`${other.number}@s.whatsapp.net`)
  await companion.until('presence', () => companion.stanzas.some((each) => each.tag === 'presence'))
  await socket.sendPresenceUpdate('composing', `${other.number}@s.whatsapp.net`)
  await socket.rotateSignedPreKey()
  await control.post(`/phones/${other.number}/say`, { to: number, text: 'con la clave nueva' })
  await has(companion, 'con la clave nueva')
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})
