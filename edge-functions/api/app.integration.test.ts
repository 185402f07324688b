import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actions } from '#shared/actions.ts'
import { listedOrigin, places, startApi, type ApiUnderTest } from './api.fixture.ts'
import { maxBodyBytes } from './json-body.ts'

const routes = [
  ['GET', '/api/whatsapp/qr'],
  ['GET', '/api/whatsapp/get_conversations'],
  ['GET', '/api/whatsapp/get_messages?conversationId=1234567890@s.whatsapp.net'],
  ['GET', '/api/whatsapp/contacts'],
  ['GET', '/api/whatsapp/contact?contactId=1234567890@s.whatsapp.net'],
  ['GET', '/api/whatsapp/search?q=hola'],
  ['GET', '/api/whatsapp/session'],
  ['POST', '/api/whatsapp/send_message'],
  ['POST', '/api/whatsapp/start_conversation'],
  ['POST', '/api/whatsapp/mark_read'],
  ['GET', '/api/whatsapp/groups'],
  ['GET', '/api/whatsapp/personalities'],
  ['POST', '/api/whatsapp/create_personality'],
  ['POST', '/api/whatsapp/edit_personality'],
  ['POST', '/api/whatsapp/delete_personality'],
  ['POST', '/api/whatsapp/set_assistant'],
  ['GET', '/api/whatsapp/groups/{id}'],
  ['POST', '/api/whatsapp/presence'],
  ['POST', '/api/whatsapp/request_media'],
  ['POST', '/api/whatsapp/uploads'],
  ['POST', '/api/whatsapp/pairing_code'],
  ['POST', '/api/whatsapp/block_contact'],
  ['POST', '/api/whatsapp/logout'],
  ['POST', '/api/whatsapp/mark_unread'],
  ['POST', '/api/whatsapp/mark_played'],
  ['POST', '/api/whatsapp/set_chat_state'],
  ['GET', '/api/whatsapp/get_command?id=1'],
  ...Object.keys(actions).map((name): [string, string] => ['POST', `/api/whatsapp/${name}`]),
] as const
const withBody = ['send_message', 'start_conversation', 'mark_read', 'pairing_code', 'block_contact'].map(
  (name) => `/api/whatsapp/${name}`,
)

let api: ApiUnderTest
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe.each(places)('the app under %s', (place) => {
  it.each(routes)('%s %s answers 401 to every token but a valid one', async (method, path) => {
    const { id } = await api.signUp()
    const { url, publishableKey } = api.stack
    const mintToken: typeof api.stack.mintToken = (claims, options) => api.stack.mintToken(claims, options)
    const valid = await mintToken({ sub: id })
    const tokens = {
      'wrong algorithm, none': await mintToken({ sub: id }, { algorithm: 'none' }),
      'wrong algorithm, the public key as a secret': await mintToken({ sub: id }, { algorithm: 'HS256' }),
      'foreign key': await mintToken({ sub: id }, { algorithm: 'foreign' }),
      'wrong audience': await mintToken({ sub: id }, { audience: 'anon' }),
      'wrong issuer': await mintToken({ sub: id }, { issuer: `${url}/auth/v2` }),
      'wrong role': await mintToken({ sub: id, role: 'service_role' }),
      'no subject': await mintToken({}),
      'subject that is no user id': await mintToken({ sub: 'admin' }),
      'changed signature': `${valid.slice(0, -4)}AAAA`,
      garbage: 'garbage',
      'publishable key': publishableKey,
    }
    for (const [what, token] of Object.entries(tokens)) {
      const answer = await api.call(place, path, { method, token })
      expect({ what, status: answer.status }).toEqual({ what, status: 401 })
      expect(answer).toBeError(401, 'invalid_token')
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    }
    const expired = await mintToken({ sub: id }, { expiresIn: -60 })
    expect(await api.call(place, path, { method, token: expired })).toBeError(401, 'expired_token')
    const missing = await api.call(place, path, { method })
    expect(missing).toBeError(401, 'missing_token')
    expect(missing.headers.get('www-authenticate')).toBe('Bearer')
    for (const authorization of ['Bearer', 'Basic dXNlcjpwYXNz', valid, `Bearer ${valid} ${valid}`])
      expect(await api.call(place, path, { method, headers: { authorization } })).toBeError(401, 'invalid_token')
    // A token never travels in a URL.
    const separator = path.includes('?') ? '&' : '?'
    expect(await api.call(place, `${path}${separator}token=${valid}`, { method })).toBeError(401, 'missing_token')
    const sessions = await api.host.query('select from public.whatsapp_sessions where user_id = $1', [id])
    expect(sessions).toHaveLength(0)
  })

  it('answers 404 to an unknown path and 405, with the methods that exist, to an unknown method', async () => {
    for (const path of ['/api', '/api/', '/api/whatsapp', '/api/whatsapp/nothing', '/api/whatsapp/qr/', '/api/docs'])
      expect(await api.call(place, path)).toBeError(404, 'not_found')
    for (const [method, path] of [
      ['POST', '/api/whatsapp/qr'],
      ['DELETE', '/api/whatsapp/session'],
      ['GET', '/api/whatsapp/send_message'],
      ['PUT', '/api/openapi.json'],
    ] as const) {
      const answer = await api.call(place, path, { method })
      expect(answer).toBeError(405, 'method_not_allowed')
      expect(answer.headers.get('allow')).toBe(method === 'GET' ? 'OPTIONS, POST' : 'OPTIONS, GET, HEAD')
    }
  })

  it('answers HEAD like GET without a body, and OPTIONS with the methods that exist', async () => {
    const { token } = await api.signUp()
    const head = await api.call(place, '/api/whatsapp/session', { method: 'HEAD', token })
    expect([head.status, head.body]).toEqual([200, ''])
    const options = await api.call(place, '/api/whatsapp/send_message', { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow'), options.body]).toEqual([204, 'OPTIONS, POST', ''])
  })

  it('lets pages of the listed origin read answers and errors, with credentials, and no others', async () => {
    const { token } = await api.signUp()
    const preflight = (origin: string) =>
      api.call(place, '/api/whatsapp/send_message', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,idempotency-key',
        },
      })
    const allowed = await preflight(listedOrigin)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe(listedOrigin)
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true')
    expect(allowed.headers.get('access-control-allow-methods')).toContain('POST')
    expect(allowed.headers.get('access-control-allow-headers')).toMatch(/Authorization.*Content-Type.*Idempotency-Key/)

    for (const path of ['/api/whatsapp/session', '/api/whatsapp/nothing']) {
      const answer = await api.call(place, path, { token, headers: { origin: listedOrigin } })
      expect(answer.headers.get('access-control-allow-origin')).toBe(listedOrigin)
      expect(answer.headers.get('access-control-expose-headers')).toContain('X-Request-Id')
      expect(answer.headers.get('vary')).toContain('Origin')
    }
    for (const origin of ['https://evil.example', 'null', `${listedOrigin}.evil.example`, 'http://app.example']) {
      const answers = [
        await preflight(origin),
        await api.call(place, '/api/whatsapp/session', { token, headers: { origin } }),
      ]
      for (const answer of answers)
        expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })

  it('gives every answer an id, the caller’s own when it is a sane one', async () => {
    const id = async (given: string) =>
      (await api.call(place, '/api/nothing', { headers: { 'x-request-id': given } })).headers.get('x-request-id')
    expect(await id('trace-1.2_3')).toBe('trace-1.2_3')
    for (const bad of ['', 'with space', 'x'.repeat(129), '<b>']) expect(await id(bad)).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('speaks Spanish unless English is asked for', async () => {
    const message = async (language?: string) => {
      const headers = language === undefined ? {} : { 'accept-language': language }
      const answer = await api.call(place, '/api/nothing', { headers })
      return [answer.headers.get('content-language'), (answer.body as { error: { message: string } }).error.message]
    }
    expect(await message()).toEqual(['es', 'No encontrado.'])
    expect(await message('fr, es-MX;q=0.8, en;q=0.5')).toEqual(['es', 'No encontrado.'])
    expect(await message('en-GB, es;q=0.5')).toEqual(['en', 'Not found.'])
  })

  it.each(withBody)(
    'POST %s refuses a body that is no JSON, says it is something else, or is too large',
    async (path) => {
      const { token } = await api.signUp()
      const post = (body: string, headers = {}) => api.call(place, path, { method: 'POST', token, body, headers })
      for (const body of ['', '{', '{"a":}', 'conversationId=1', '\u0000'])
        expect(await post(body)).toBeError(400, 'invalid_json')
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])
        expect(await post('{}', { 'content-type': type })).toBeError(400, 'invalid_request', 'Content-Type')
      for (const body of ['null', '[]', '"text"', '7'])
        expect((await post(body)).body).toMatchObject({ error: { code: 'invalid_request' } })
      expect(await post(`"${'x'.repeat(maxBodyBytes)}"`)).toBeError(413, 'payload_too_large')
      const unknown = await post('{"conversationId":"x","textContent":"x","phone":"1","surprise":true}')
      expect(unknown).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } })
    },
  )

  it('shows an OpenAPI 3.1 document, without a token, that declares every route, its security and its errors', async () => {
    const { status, body, headers } = await api.call(place, '/api/openapi.json')
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    const document = body as OpenApiDocument
    expect(document.openapi).toBe('3.1.0')
    expect(document.components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } })
    expect(document.servers.map(({ url }) => url)).toEqual(['/', `${api.stack.url}/functions/v1`])
    const declared = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(declared.toSorted()).toEqual(routes.map(([method, path]) => `${method} ${path.split('?')[0]}`).toSorted())
    for (const operation of Object.values(document.paths).flatMap((operations) => Object.values(operations))) {
      expect(operation.security).toEqual([{ bearer: [] }])
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '429', '500', '503']))
    }
    expect(JSON.stringify(document)).toContain('Juan Pérez')
  })
})

describe('the app when Supabase is not there', () => {
  it('answers 503 with a time to retry, and tells its log no more than codes', async () => {
    const { id, token } = await api.signUp()
    const failures: object[] = []
    const options = { supabaseUrl: 'http://127.0.0.1:1', onFailure: (failure: object) => failures.push(failure) }
    for (const [method, path] of routes.slice(0, 4)) {
      const answer = await api.callWith(options, path, { method, token })
      expect(answer).toBeError(503, 'unavailable')
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(answer.body).toMatchObject({ error: { retryable: true, retry_after: 5 } })
    }
    expect(failures).toHaveLength(4)
    const told = JSON.stringify(failures)
    for (const secret of [token, id, '1234567890']) expect(told).not.toContain(secret)
  })

  it('answers 500, and tells its log, when the publishable key is not the project’s', async () => {
    const { token } = await api.signUp()
    const failures: object[] = []
    const options = { publishableKey: 'sb_publishable_other', onFailure: (failure: object) => failures.push(failure) }
    expect(await api.callWith(options, '/api/whatsapp/session', { token })).toBeError(500, 'internal')
    expect(failures).toEqual([expect.objectContaining({ status: 500, detail: 'rest answered 401' })])
  })
})

interface OpenApiDocument {
  openapi: string
  servers: { url: string }[]
  components: { securitySchemes: unknown }
  paths: Record<string, Record<string, { security: unknown; responses: Record<string, unknown> }>>
}
