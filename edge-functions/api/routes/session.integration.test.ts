import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SessionResponse } from '#shared/api.ts'
import { places, startApi, successOf, type ApiUnderTest } from '../api.fixture.ts'

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('the session under %s', (place) => {
  const read = async (token: string) =>
    successOf(await api.call(place, '/api/whatsapp/session', { token }), 200, SessionResponse).session
  const logout = (token: string) => api.call(place, '/api/whatsapp/logout', { method: 'POST', token })

  it('is unlinked, without an id, for a user who never linked', async () => {
    const { token } = await api.signUp()
    expect(await read(token)).toEqual({
      id: null,
      status: 'unlinked',
      reason: null,
      message: null,
      retry_at: null,
      restriction: null,
      connected: false,
      phone: null,
      push_name: null,
      linked_at: null,
      sync_progress: null,
      sync_status: null,
      sync_messages: 0,
      sync_chunks: 0,
      sync_chunks_stored: 0,
      sync_chunks_failed: 0,
    })
  })

  it('shows its owner, and nobody else, the linked number', async () => {
    const [owner, other] = [await api.signUp(), await api.signUp()]
    const id = await api.host.linkedSession(owner.id, '1987654321')
    await api.host.query(
      "update public.whatsapp_sessions set sync_progress = 40, sync_status = 'importing' where id = $1",
      [id],
    )
    expect(await read(owner.token)).toMatchObject({
      id,
      status: 'connected',
      connected: true,
      phone: '1987654321',
      linked_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      sync_progress: 40,
      sync_status: 'importing',
    })
    expect(await read(other.token)).toMatchObject({ id: null, connected: false, phone: null })
  })

  it('ends with logout once the host has logged out at WhatsApp', async () => {
    const { id, token } = await api.signUp()
    const session = await api.host.linkedSession(id, '1987654321')
    const asking = logout(token)
    await api.host.untilCommand(id, 'logout')
    await api.host.unlink(session)
    expect(successOf(await asking, 200, SessionResponse).session).toMatchObject({
      id: session,
      status: 'logged_out',
      reason: 'logout_requested',
      connected: false,
    })
  })

  it('is not unlinked again by a repeated key when it was linked anew meanwhile', async () => {
    const { id, token } = await api.signUp()
    const session = await api.host.linkedSession(id, '1987654321')
    const repeatable = () =>
      api.call(place, '/api/whatsapp/logout', { method: 'POST', token, headers: { 'idempotency-key': 'bye' } })
    const asking = repeatable()
    const command = await api.host.untilCommand(id, 'logout')
    await api.host.unlink(session)
    await api.host.finish(command, {})
    expect((await asking).status).toBe(200)
    await api.host.link(session, '1987654321')
    const repeated = await repeatable()
    expect(successOf(repeated, 202, SessionResponse).session).toMatchObject({ connected: true })
    expect(repeated.headers.get('idempotent-replayed')).toBe('true')
    expect(await api.host.query('select from private.session_commands where user_id = $1', [id])).toHaveLength(1)
  })

  it('cannot be ended twice, or when there is none', async () => {
    const { id, token } = await api.signUp()
    expect(await logout(token)).toBeError(409, 'session_not_linked')
    await api.host.unlink(await api.host.linkedSession(id, '1987654321'))
    expect(await logout(token)).toBeError(409, 'session_not_linked')
  })

  it('stays its owner’s when another user logs out', async () => {
    const [owner, other] = [await api.signUp(), await api.signUp()]
    await api.host.linkedSession(owner.id, '1987654321')
    expect(await logout(other.token)).toBeError(409, 'session_not_linked')
    expect(await read(owner.token)).toMatchObject({ connected: true })
  })

  it('ends at once while it is only being linked', async () => {
    const { id, token } = await api.signUp()
    const asking = api.call(place, '/api/whatsapp/qr', { token })
    await api.host.untilRequested(id)
    expect(successOf(await logout(token), 200, SessionResponse).session.status).toBe('unlinked')
    expect(await asking).toBeError(504, 'whatsapp_timeout')
  })
})

describe('POST logout with no host', () => {
  it('answers 202 with the session as it stands, and asks the host once however often it is called', async () => {
    const { id, token } = await api.signUp()
    await api.host.linkedSession(id, '1987654321')
    const options = { waits: { logout: { totalMs: 0, intervalMs: 1 } } }
    for (const _ of [1, 2]) {
      const answer = await api.callWith(options, '/api/whatsapp/logout', { method: 'POST', token })
      expect(successOf(answer, 202, SessionResponse).session).toMatchObject({ status: 'connected', connected: true })
    }
    const commands = await api.host.query(`select from private.session_commands where user_id = $1`, [id])
    expect(commands).toHaveLength(1)
  })
})
