import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestStack } from '../create-test-stack.ts'
import { connect } from '../postgres/bootstrap-database.ts'
import type { MintOptions } from './create-issuer.ts'
import type { ServedDatabase } from '../serve-database.ts'

const hs256Secret = 'a-shared-secret-of-at-least-32-characters'

describe.each([
  { mode: 'ES256', options: {} },
  { mode: 'HS256', options: { hs256Secret } },
])('$mode', ({ mode, options }) => {
  let stack: ServedDatabase
  let user: { id: string; email: string }
  beforeAll(async () => {
    stack = await createTestStack(options)
    user = await stack.createUser({ email: `${randomUUID()}@example.com`, password: 'password-1' })
  })
  afterAll(() => stack[Symbol.asyncDispose]())

  async function read(
    bearer: string,
    apikey = stack.publishableKey,
  ): Promise<{ status: number; code: string | undefined }> {
    const response = await fetch(`${stack.url}/rest/v1/personalities?select=id`, {
      headers: { apikey, authorization: bearer },
    })
    const answer = (await response.json()) as { code?: string }
    return { status: response.status, code: answer.code }
  }

  test('the issuer’s own token is taken', async () => {
    const { access_token: token } = await stack.signIn({ email: user.email, password: 'password-1' })
    expect(await read(`Bearer ${token}`)).toEqual({ status: 200, code: undefined })
    expect(await read(`Bearer ${await stack.mintToken({ sub: user.id })}`)).toEqual({ status: 200, code: undefined })
  })

  test('an expired one is not', async () => {
    expect(await read(`Bearer ${await stack.mintToken({ sub: user.id }, { expiresIn: -5 })}`)).toEqual({
      status: 401,
      code: 'PGRST303',
    })
  })

  test.each<[string, MintOptions]>([
    ['of another issuer', { issuer: 'http://127.0.0.1:1/auth/v1' }],
    ['for another audience', { audience: 'anon' }],
    ['without signature (alg none)', { algorithm: 'none' }],
    ['signed by a key of nobody’s under the same key id', { algorithm: 'foreign' }],
    ['signed with the wrong shared secret', { algorithm: 'HS256', secret: 'another-secret-of-at-least-32-characters' }],
    mode === 'ES256'
      ? ['signed as HS256 with the public key', { algorithm: 'HS256' }]
      : ['signed as ES256 by the key that the other mode would publish', { algorithm: 'ES256' }],
  ])('a token %s gets 401', async (_name, mint) => {
    expect(await read(`Bearer ${await stack.mintToken({ sub: user.id }, mint)}`)).toEqual({
      status: 401,
      code: 'PGRST301',
    })
  })

  test('a token that claims another role of the database gets 401', async () => {
    for (const role of ['postgres', 'supabase_admin', 'session_host', 'authenticator', '']) {
      expect((await read(`Bearer ${await stack.mintToken({ sub: user.id, role })}`)).status).toBe(401)
    }
  })

  test('nonsense and a key as bearer get 401', async () => {
    for (const bearer of ['nonsense', 'Basic eDp5', 'Bearer a.b.c', `Bearer ${stack.secretKey}`]) {
      expect((await read(bearer)).status).toBe(401)
    }
  })

  test('changing one letter of the signature gets 401', async () => {
    const token = await stack.mintToken({ sub: user.id })
    const at = token.lastIndexOf('.') + 5
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    expect(await read(`Bearer ${changed}`)).toEqual({ status: 401, code: 'PGRST301' })
  })

  test('the published key set holds no private part, and is empty with a shared secret', async () => {
    const { keys } = (await (await fetch(stack.jwksUrl)).json()) as { keys: Record<string, unknown>[] }
    expect(keys.map(({ kty, crv, alg, d }) => ({ kty, crv, alg, d }))).toEqual(
      mode === 'ES256' ? [{ kty: 'EC', crv: 'P-256', alg: 'ES256', d: undefined }] : [],
    )
    expect(await (await fetch(`${stack.url}/.well-known/jwks.json`)).json()).toEqual({ keys })
  })

  test('the environment names exactly one way to verify', () => {
    expect(Object.keys(stack.environment).filter((name) => /JWT|JWKS/.test(name))).toEqual([
      mode === 'ES256' ? 'SUPABASE_JWKS_URL' : 'JWT_SECRET',
    ])
  })

  test('a token is no API key, except a legacy one signed with the shared secret', async () => {
    const now = Math.floor(Date.now() / 1000)
    const legacy = await stack.mintToken(
      { role: 'service_role', iat: now },
      { algorithm: 'HS256', secret: hs256Secret },
    )
    const response = await fetch(`${stack.url}/rest/v1/personalities`, { headers: { apikey: legacy } })
    expect(response.status).toBe(mode === 'HS256' ? 200 : 401)
    const own = await stack.mintToken({ sub: user.id })
    expect((await fetch(`${stack.url}/rest/v1/personalities`, { headers: { apikey: own } })).status).toBe(401)
  })

  test('a refresh token used long ago ends its session, one used just now does not', async () => {
    const first = await stack.signIn({ email: user.email, password: 'password-1' })
    const second = await refresh(first.refresh_token)
    expect(second.status).toBe(200)
    const again = await refresh(first.refresh_token)
    expect(again.body.refresh_token).toBe(second.body.refresh_token)
    const third = await refresh(second.body.refresh_token ?? '')
    expect(third.status).toBe(200)
    await backdateTokens(stack)
    expect(await refresh(first.refresh_token)).toMatchObject({
      status: 400,
      body: { error_code: 'refresh_token_already_used' },
    })
    expect(await refresh(third.body.refresh_token ?? '')).toMatchObject({
      status: 400,
      body: { error_code: 'refresh_token_already_used' },
    })
  })

  async function refresh(
    token: string,
  ): Promise<{ status: number; body: { refresh_token?: string; error_code?: string } }> {
    const response = await fetch(`${stack.url}/auth/v1/token?grant_type=refresh_token`, {
      method: 'POST',
      headers: { apikey: stack.publishableKey },
      body: JSON.stringify({ refresh_token: token }),
    })
    return { status: response.status, body: (await response.json()) as { refresh_token?: string; error_code?: string } }
  }
})

async function backdateTokens(stack: ServedDatabase): Promise<void> {
  await using owner = await connect(stack.adminDatabaseUrl)
  await owner.client.query(`update auth.refresh_tokens set updated_at = updated_at - interval '1 minute'`)
}
