import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PairingCodeResponse } from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

const path = '/api/whatsapp/pairing_code'
const inAMinute = `now() + interval '1 minute'`

/** What the host does once WhatsApp has accepted the request. */
const answer = (session: string, set: string, values: unknown[] = []) =>
  api.host.query(`update private.linking_attempts set ${set} where session_id = $1 and phone is not null`, [
    session,
    ...values,
  ])

describe.each(places)('POST pairing_code under %s', (place) => {
  const ask = (token: string, body: object, headers = {}) =>
    api.call(place, path, { method: 'POST', token, headers, body })

  it('starts linking, waits for the code, and answers it again while it holds', async () => {
    const { id, token } = await api.signUp()
    const asking = ask(token, { phone: '+34 600 111 222' })
    const session = await api.host.untilRequested(id)
    await answer(session, `pairing_code = $2, pairing_code_expires_at = ${inAMinute}`, ['ABCD-2345'])
    const first = successOf(await asking, 200, PairingCodeResponse)
    expect(first.data).toEqual({ code: 'ABCD-2345', expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) })
    expect(successOf(await ask(token, { phone: '34600111222' }), 200, PairingCodeResponse)).toEqual(first)
  })

  it('never shows one user’s code to another', async () => {
    const [owner, other] = [await api.signUp(), await api.signUp()]
    const asking = [ask(owner.token, { phone: '34600111222' }), ask(other.token, { phone: '34600111222' })]
    for (const [user, code] of [
      [owner, 'AAAA-2345'],
      [other, 'BBBB-2345'],
    ] as const) {
      const session = await api.host.untilRequested(user.id)
      await answer(session, `pairing_code = $2, pairing_code_expires_at = ${inAMinute}`, [code])
    }
    const codes = (await Promise.all(asking)).map((each) => successOf(each, 200, PairingCodeResponse).data.code)
    expect(codes).toEqual(['AAAA-2345', 'BBBB-2345'])
  })

  it('refuses what is no number, no JSON or nobody’s', async () => {
    const { token } = await api.signUp()
    expect(await ask(token, { phone: 'no es un número' })).toBeError(400, 'invalid_phone', 'phone')
    expect(await ask(token, {})).toBeError(400, 'invalid_request', 'phone')
    expect(await ask('', { phone: '34600111222' })).toBeError(401, 'invalid_token')
  })

  it('says so when a phone is linked, when WhatsApp gives no code, and why an attempt ended', async () => {
    const linked = await api.signUp()
    await api.host.linkedSession(linked.id, '34600111223')
    expect(await ask(linked.token, { phone: '34600111222' })).toBeError(409, 'already_linked')

    const refused = await api.signUp()
    const asking = ask(refused.token, { phone: '34600111222' })
    await answer(await api.host.untilRequested(refused.id), `pairing_error = 'pairing_refused'`)
    expect(await asking).toBeError(422, 'pairing_refused')

    const ended = await api.signUp()
    const waiting = ask(ended.token, { phone: '34600111222' })
    await api.host.setStatus(await api.host.untilRequested(ended.id), 'unlinked', 'link_failed')
    expect(await waiting).toBeError(504, 'whatsapp_timeout')
  })

  it('answers a repeated Idempotency-Key with the first request, and refuses it for another number', async () => {
    const { id, token } = await api.signUp()
    const headers = { 'idempotency-key': 'one' }
    const asking = ask(token, { phone: '34600111222' }, headers)
    await answer(await api.host.untilRequested(id), `pairing_code = $2, pairing_code_expires_at = ${inAMinute}`, [
      'ABCD-2345',
    ])
    successOf(await asking, 200, PairingCodeResponse)
    expect((await ask(token, { phone: '34600111222' }, headers)).headers.get('idempotent-replayed')).toBe('true')
    expect(await ask(token, { phone: '34600111223' }, headers)).toBeError(409, 'idempotency_conflict')
  })
})

describe('POST pairing_code with nobody at the other end', () => {
  it('answers 504, and does not show a code that WhatsApp no longer accepts', async () => {
    const { id, token } = await api.signUp()
    const options = { waits: { qr: { totalMs: 0, intervalMs: 1 } } }
    const request = { method: 'POST', token, body: { phone: '34600111222' } }
    expect(await api.callWith(options, path, request)).toBeError(504, 'whatsapp_timeout')
    await answer(await api.host.untilRequested(id), `pairing_code = 'ABCD-2345', pairing_code_expires_at = now()`)
    expect(await api.callWith(options, path, request)).toBeError(504, 'whatsapp_timeout')
  })
})
