import { expect, test, vi } from 'vitest'
import { startGateway } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const secret = 'a-shared-secret-of-the-project-with-forty-characters'

test('with JWT_SECRET tokens are HS256, and ES256 ones are refused', async () => {
  await using gateway = await startGateway({ stack: { hs256Secret: secret } })
  const member = await gateway.createMember()
  expect((await gateway.rest(member, 'GET', 'get_conversations')).status).toBe(200)
  await gateway.join(member)
  for (const wrong of [
    await member.mint({ algorithm: 'foreign' }),
    await member.mint({ algorithm: 'HS256', secret: 'another-secret-of-another-project-with-40-chars' }),
    await member.mint({ algorithm: 'none' }),
  ]) {
    const client = await gateway.connect()
    expect(await client.ask('join', { token: wrong })).toMatchObject({ ok: false, error: { code: 'invalid_token' } })
    expect((await gateway.rest({ ...member, token: wrong }, 'GET', 'get_conversations')).status).toBe(401)
  }
})

test('without it tokens are those of the JWKS, and HS256 ones are refused', async () => {
  await using gateway = await startGateway()
  const member = await gateway.createMember()
  await gateway.join(member)
  const wrong = await member.mint({ algorithm: 'HS256', secret })
  const client = await gateway.connect()
  expect(await client.ask('join', { token: wrong })).toMatchObject({ ok: false, error: { code: 'invalid_token' } })
})
