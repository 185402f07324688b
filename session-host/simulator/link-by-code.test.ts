import { expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import { closeCode, createCompanion } from './testing/companion.ts'
import { createControl } from './testing/control.ts'
import { qrOf } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

test('a device links by the code that a person types, a mistyped code is refused', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'code' })
  const control = createControl(simulator.url)
  const { number } = await control.post<{ number: string }>('/phones')
  const type = (code: string) =>
    control.request('POST', `/phones/${number}/link_code`, { type: 'application/json', body: JSON.stringify({ code }) })
  expect(await type('ABCD-2345')).toMatchObject({ status: 409, body: { error: { code: 'no_code_requested' } } })
  await using companion = createCompanion(simulator.webSocketUrl)
  await qrOf(companion)
  await companion.socket.requestPairingCode('34699999999')
  const refusal = () => companion.stanzas.find((each) => each.tag === 'iq' && each.attrs.type === 'error')
  await companion.until('refusal', () => refusal() !== undefined)
  expect(await type('ABCD-2345')).toMatchObject({ status: 409, body: { error: { code: 'no_code_requested' } } })
  const code = await companion.socket.requestPairingCode(number)
  const wrong = code.startsWith('A') ? `B${code.slice(1)}` : `A${code.slice(1)}`
  await control.until(async () => ((await type(wrong)).body.error?.code === 'wrong_code' ? true : undefined))
  expect(await type(`${code.slice(0, 4)}-${code.slice(4)}`)).toMatchObject({ status: 200, body: { device: 1 } })
  expect(await companion.when('close', closeCode)).toBe(515)
  await companion.reconnect()
  expect(companion.auth.state.creds.me?.id).toBe(`${number}:1@s.whatsapp.net`)
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})
