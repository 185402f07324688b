import { Curve } from '@whiskeysockets/baileys'
import { WA_CERT_DETAILS } from '@whiskeysockets/baileys/lib/Defaults/index.js'
import { verifySignature } from 'libsignal/src/curve.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { signalPublicKey } from './key-pair.ts'
import { createSimulator } from './simulator.ts'
import { closeCode, createCompanion } from './testing/companion.ts'
import { createControl } from './testing/control.ts'
import { linkedCompanion, qrOf } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

// Baileys ignores what libsignal answers; here its own check is made to count, as a careful host does.
const original = { verify: Curve.verify, root: WA_CERT_DETAILS.PUBLIC_KEY }
beforeEach(() => {
  Curve.verify = (key, message, signature) =>
    verifySignature(signalPublicKey(key), message, Buffer.from(signature)) === true
})
afterEach(() => {
  Curve.verify = original.verify
  WA_CERT_DETAILS.PUBLIC_KEY = original.root
})

test('with real verification the chain is accepted from the simulator’s root only', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'chain' })
  await using stranger = createCompanion(simulator.webSocketUrl)
  expect(await stranger.when('close', closeCode)).toBe(400)
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(simulator.rootCertKey, 'hex')
  await using companion = createCompanion(simulator.webSocketUrl)
  expect(await qrOf(companion)).toContain('https://wa.me/settings/linked_devices#2@')
})

test('with real verification the account signature of a linked device is good, and messages flow', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'adv' })
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(simulator.rootCertKey, 'hex')
  const control = createControl(simulator.url)
  const { number, contacts } = await control.post<{ number: string; contacts: { number: string }[] }>('/phones')
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  await companion.socket.sendMessage(`${contacts[0]?.number}@s.whatsapp.net`, { text: 'con firma' })
  const shown = await control.until(async () => {
    const { messages } = await control.get<{ messages: { text: string }[] }>(
      `/phones/${contacts[0]?.number}/messages?with=${number}`,
    )
    return messages.find((each) => each.text === 'con firma')
  })
  expect(shown).toMatchObject({ via: 'companion:1' })
})

test('two simulators with one seed have one root; another seed has another', async () => {
  await using one = await createSimulator({ port: 0, seed: 'same' })
  await using two = await createSimulator({ port: 0, seed: 'same' })
  await using three = await createSimulator({ port: 0, seed: 'other' })
  expect(one.rootCertKey).toMatch(/^[0-9a-f]{64}$/)
  expect(two.rootCertKey).toBe(one.rootCertKey)
  expect(three.rootCertKey).not.toBe(one.rootCertKey)
  const lids = await Promise.all(
    [one, two].map(
      async ({ url }) => (await createControl(url).post<{ lid: string }>('/phones', { number: '12025550500' })).lid,
    ),
  )
  expect(lids[0]).toBe(lids[1])
})
