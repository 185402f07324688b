import { Curve } from '@whiskeysockets/baileys'
import QRCode from 'qrcode'
import { expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import { closeCode, connectionIs, createCompanion } from './testing/companion.ts'
import { createControl } from './testing/control.ts'
import { linkedCompanion, qrOf } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

test('a device links by QR text, is told to restart, and logs in without a QR', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'link' })
  const control = createControl(simulator.url)
  const phone = await control.post<{ number: string; lid: string }>('/phones')
  await using companion = createCompanion(simulator.webSocketUrl)
  const qr = await qrOf(companion)
  const scan = await control.request('POST', `/phones/${phone.number}/scan`, { type: 'text/plain', body: qr })
  expect(scan).toMatchObject({
    status: 200,
    body: { device: 1, jid: `${phone.number}:1@s.whatsapp.net`, lid: `${phone.lid}:1@lid` },
  })
  expect(await companion.when('close', closeCode)).toBe(515)
  await companion.reconnect()
  expect(companion.auth.state.creds.me).toMatchObject({
    id: `${phone.number}:1@s.whatsapp.net`,
    lid: `${phone.lid}:1@lid`,
  })
  expect(companion.events.filter((event) => event.type === 'connection.update' && event.data.qr)).toHaveLength(1)
  const shown = await control.get<{ devices: unknown[] }>(`/phones/${phone.number}`)
  expect(shown.devices).toMatchObject([{ device: 1, online: true, prekeys: 812 - 1 }])
})

test('a picture of the QR is decoded: as the body, as a data URL, and from in front of the camera', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'png' })
  const control = createControl(simulator.url)
  const scans = [
    (path: string, png: Buffer) => control.request('POST', path, { type: 'image/png', body: png }),
    (path: string, png: Buffer) => control.post(path, { image: `data:image/png;base64,${png.toString('base64')}` }),
    async (path: string, png: Buffer) => {
      await control.request('PUT', '/camera', { type: 'image/png', body: png })
      return control.post(path, { camera: true })
    },
  ]
  for (const scan of scans) {
    const { number } = await control.post<{ number: string }>('/phones')
    await using companion = createCompanion(simulator.webSocketUrl)
    await scan(`/phones/${number}/scan`, await QRCode.toBuffer(await qrOf(companion), { errorCorrectionLevel: 'M' }))
    expect(await companion.when('close', closeCode)).toBe(515)
  }
})

test('a code that was used, an old one, and one that is none are refused by name', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'bad' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  await using companion = createCompanion(simulator.webSocketUrl)
  const qr = await qrOf(companion)
  const scan = (body: string) => control.request('POST', `/phones/${number}/scan`, { type: 'text/plain', body })
  const [prefix = '', list = ''] = qr.split('#')
  const parts = list.split(',')
  const forged = `${prefix}#${[parts[0], Buffer.alloc(32, 7).toString('base64'), ...parts.slice(2)].join(',')}`
  expect(await scan(forged)).toMatchObject({ status: 422, body: { error: { code: 'qr_forged' } } })
  expect(await scan('https://example.org')).toMatchObject({
    status: 422,
    body: { error: { code: 'not_a_whatsapp_qr' } },
  })
  const blank = await control.request('POST', `/phones/${number}/scan`, {
    type: 'image/png',
    body: Buffer.from('no picture'),
  })
  expect(blank).toMatchObject({ status: 422, body: { error: { code: 'invalid_qr' } } })
  expect(await scan(qr)).toMatchObject({ status: 200 })
  expect(await scan(qr)).toMatchObject({ status: 410, body: { error: { code: 'qr_expired' } } })
})

test('who scans with a wrong secret gets no device: the companion refuses the phone’s answer', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'secret' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  await using companion = createCompanion(simulator.webSocketUrl)
  const parts = (await qrOf(companion)).split(',')
  parts[3] = Buffer.alloc(32, 9).toString('base64')
  const answer = await control.request('POST', `/phones/${number}/scan`, { type: 'text/plain', body: parts.join(',') })
  expect(answer).toMatchObject({ status: 422, body: { error: { code: 'device_refused' } } })
  expect(companion.auth.state.creds.me).toBeUndefined()
  expect(await control.get(`/phones/${number}`)).toMatchObject({ devices: [] })
})

test('a device that cannot sign with the identity it showed is not linked', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'signature' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  await using companion = createCompanion(simulator.webSocketUrl)
  const qr = await qrOf(companion)
  companion.auth.state.creds.signedIdentityKey.private = Curve.generateKeyPair().private
  const answer = await control.request('POST', `/phones/${number}/scan`, { type: 'text/plain', body: qr })
  expect(answer).toMatchObject({ status: 422, body: { error: { code: 'device_signature_invalid' } } })
  expect(await control.get(`/phones/${number}`)).toMatchObject({ devices: [] })
})

test('who logs in with another key than the linked device’s is refused (401)', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'impostor' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  await companion.socket.end(undefined)
  Object.assign(companion.auth.state.creds, { noiseKey: Curve.generateKeyPair() })
  const from = companion.events.length
  companion.connect()
  expect(await companion.when('close', closeCode, from)).toBe(401)
})

test('a phone refuses a first message whose sender cannot show a signed device identity', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'unproven' })
  const control = createControl(simulator.url)
  const { number, contacts } = await control.post<{ number: string; contacts: { number: string }[] }>('/phones')
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  const { account } = companion.auth.state.creds
  if (account) account.deviceSignature = Buffer.alloc(64, 1)
  await companion.socket.sendMessage(`${contacts[0]?.number}@s.whatsapp.net`, { text: 'soy yo' })
  const counters = await control.until(async () => {
    const state = await control.get<{ counters: Record<string, number> }>('/state')
    return state.counters.phone_identity_not_proven ? state.counters : undefined
  })
  expect(counters.phone_identity_not_proven).toBeGreaterThan(0)
  const { messages } = await control.get<{ messages: { text: string }[] }>(`/phones/${contacts[0]?.number}/messages`)
  expect(messages.some((each) => each.text === 'soy yo')).toBe(false)
})

test('several phones link and exchange at the same time', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'many' })
  const control = createControl(simulator.url)
  await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { number } = await control.post<{ number: string }>('/phones')
      await using companion = createCompanion(simulator.webSocketUrl)
      await control.post(`/phones/${number}/scan`, { qr: await qrOf(companion) })
      await companion.when('515', (event) => (closeCode(event) === 515 ? true : undefined))
      await companion.reconnect()
      await companion.when('open', (event) => connectionIs(event, 'open'))
    }),
  )
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})
