import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QrResponse, SessionResponse } from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

const qr = (text: string) => `data:image/png;base64,${Buffer.from(text).toString('base64')}`
const atOnce = { totalMs: 0, intervalMs: 1 }

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('GET qr under %s', (place) => {
  const ask = (token: string, headers = {}) => api.call(place, '/api/whatsapp/qr', { token, headers })

  it('starts linking and waits for the QR, answered in the guide’s words', async () => {
    const { id, token } = await api.signUp()
    const asking = ask(token)
    await api.host.showQr(await api.host.untilRequested(id), qr('first'))
    const answer = await asking
    expect(successOf(answer, 200, QrResponse)).toEqual({
      success: true,
      message: 'Escanea este código QR con WhatsApp',
      connected: false,
      data: { qr: qr('first'), expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
    })
    expect(answer.headers.get('content-language')).toBe('es')
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('answers the newest QR, and English to who asks for it', async () => {
    const { id, token } = await api.signUp()
    const asking = ask(token)
    const session = await api.host.untilRequested(id)
    await api.host.showQr(session, qr('first'))
    await asking
    await api.host.showQr(session, qr('second'))
    const answer = await ask(token, { 'accept-language': 'en' })
    expect(successOf(answer, 200, QrResponse)).toMatchObject({
      message: 'Scan this QR code with WhatsApp',
      data: { qr: qr('second') },
    })
  })

  it('says connected, without a QR, for a linked number', async () => {
    const { id, token } = await api.signUp()
    await api.host.linkedSession(id, '1987654321')
    expect(successOf(await ask(token), 200, QrResponse)).toEqual({
      success: true,
      message: 'WhatsApp ya está conectado',
      connected: true,
    })
  })

  it('waits through a reconnection and says connected when it is', async () => {
    const { id, token } = await api.signUp()
    const session = await api.host.linkedSession(id, '1987654321')
    await api.host.setStatus(session, 'reconnecting')
    const asking = ask(token)
    await api.host.setStatus(session, 'connected')
    expect(successOf(await asking, 200, QrResponse).connected).toBe(true)
  })

  it('never shows one user’s QR to another', async () => {
    const [owner, other] = [await api.signUp(), await api.signUp()]
    const asking = [ask(owner.token), ask(other.token)]
    await api.host.showQr(await api.host.untilRequested(owner.id), qr('of the owner'))
    await api.host.showQr(await api.host.untilRequested(other.id), qr('of the other'))
    const answers = await Promise.all(asking)
    expect(answers.map((answer) => successOf(answer, 200, QrResponse).data?.qr)).toEqual([
      qr('of the owner'),
      qr('of the other'),
    ])
  })

  it('says why when the host gives the attempt up', async () => {
    for (const [reason, status, code] of [
      ['link_expired', 504, 'whatsapp_timeout'],
      ['link_failed', 504, 'whatsapp_timeout'],
      ['forbidden', 503, 'unavailable'],
      ['outdated_client', 503, 'unavailable'],
    ] as const) {
      const { id, token } = await api.signUp()
      const asking = ask(token, { 'accept-language': 'en' })
      await api.host.setStatus(await api.host.untilRequested(id), 'unlinked', reason)
      const answer = await asking
      expect(answer).toBeError(status, code)
      expect(answer.body).not.toMatchObject({ error: { message: 'WhatsApp did not answer in time. Try again.' } })
    }
  })
})

describe('GET qr with nobody at the other end', () => {
  it('answers 504 when no QR comes in time, and the attempt goes on', async () => {
    const { token } = await api.signUp()
    const answer = await api.callWith({ waits: { qr: atOnce } }, '/api/whatsapp/qr', { token })
    expect(answer).toBeError(504, 'whatsapp_timeout')
    const session = await api.callWith({}, '/api/whatsapp/session', { token })
    expect(successOf(session, 200, SessionResponse).session.status).toBe('linking')
  })

  it('does not show a QR that WhatsApp no longer accepts', async () => {
    const { id, token } = await api.signUp()
    const options = { waits: { qr: atOnce } }
    await api.callWith(options, '/api/whatsapp/qr', { token })
    const session = await api.host.untilRequested(id)
    await api.host.showQr(session, qr('old'))
    await api.host.query(`update private.linking_attempts set qr_expires_at = now() where session_id = $1`, [session])
    expect(await api.callWith(options, '/api/whatsapp/qr', { token })).toBeError(504, 'whatsapp_timeout')
  })
})
