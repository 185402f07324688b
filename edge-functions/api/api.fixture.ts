import type { z } from '@hono/zod-openapi'
import { expect } from 'vitest'
import { ErrorResponse } from '#shared/api.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { createTokenVerifier, type VerifyToken } from '#shared/tokens.ts'
import { createTestStack } from '../../supabase/local/create-test-stack.ts'
import { createApp, type AppOptions } from './app.ts'
import { apiDocument } from './openapi.ts'
import { createHostStandIn, type HostStandIn } from './host.fixture.ts'

export const listedOrigin = 'https://app.example'

/** Where the app runs: in this process, or as the function `api` in a real Deno behind the gateway. */
export type Place = 'Node' | 'Deno'
export const places: Place[] = ['Node', 'Deno']

export interface Answer {
  status: number
  headers: Headers
  body: unknown
}

export interface CallOptions {
  method?: string
  token?: string
  /** Sent as JSON; a string as it is. */
  body?: unknown
  headers?: Record<string, string>
}

export interface ApiUnderTest extends AsyncDisposable {
  stack: Awaited<ReturnType<typeof createTestStack>>
  host: HostStandIn
  verifyToken: VerifyToken
  call(place: Place, path: string, options?: CallOptions): Promise<Answer>
  /** The app in this process with other options, for what takes too long with the real ones. */
  callWith(options: Partial<AppOptions>, path: string, call?: CallOptions): Promise<Answer>
  /** A user and a token of theirs. */
  signUp(): Promise<{ id: string; token: string }>
}

/** One app in two places on a database of its own, with a stand-in for the session-host at the database's side. */
export async function startApi(): Promise<ApiUnderTest> {
  await using started = new AsyncDisposableStack()
  const stack = started.use(
    await createTestStack({ functions: { environment: { CORS_ORIGINS: listedOrigin }, warm: true } }),
  )
  const host = started.use(await createHostStandIn(stack.databaseUrl))
  const verifyToken = createTokenVerifier({ issuer: `${stack.url}/auth/v1`, jwksUrl: stack.jwksUrl })
  const base: AppOptions = {
    supabaseUrl: stack.url,
    publishableKey: stack.publishableKey,
    verifyToken,
    corsOrigins: [listedOrigin],
  }
  const app = createApp(base)
  const document = apiDocument(app, stack.url) as {
    paths: Record<string, Record<string, { responses: object }> | undefined>
  }
  let users = 0
  const running = started.move()
  return {
    stack,
    host,
    verifyToken,
    async call(place, path, options = {}) {
      const url = place === 'Node' ? `http://localhost${path}` : `${stack.url}/functions/v1${path}`
      const request = requestOf(url, options)
      const answer = await answerOf(await (place === 'Node' ? app.fetch(request) : fetch(request)))
      const declared = document.paths[path.replace(/\?.*/, '')]?.[(options.method ?? 'GET').toLowerCase()]
      // Whatever a test makes a route answer, the OpenAPI document has to know.
      if (declared) expect(Object.keys(declared.responses)).toContain(String(answer.status))
      return answer
    },
    callWith: async (options, path, call = {}) =>
      answerOf(await createApp({ ...base, ...options }).fetch(requestOf(`http://localhost${path}`, call))),
    async signUp() {
      users += 1
      const { id } = await stack.createUser({ email: `user${users}@example.com`, password: `password-${users}` })
      return { id, token: await stack.mintToken({ sub: id }) }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** The body of a successful answer, which must hold what the schema says and nothing else. */
export function successOf<S extends z.ZodType>(answer: Answer, status: number, schema: S): z.output<S> {
  expect(answer).toMatchObject({ status, body: { success: true } })
  const parsed = schema.parse(answer.body)
  expect(answer.body).toEqual(parsed)
  return parsed
}

/** Checks an error of the contract. */
export function expectError(answer: Answer, status: number, code: ErrorCode, param?: string): void {
  expect(answer).toMatchObject({ status, body: { success: false, error: { code } } })
  const { error } = ErrorResponse.strict().parse(answer.body)
  expect(error.param).toBe(param)
  expect(error.message).not.toBe('')
  expect(error.request_id).toBe(answer.headers.get('x-request-id'))
  expect(answer.headers.get('content-language')).toMatch(/^(es|en)$/)
  expect(answer.headers.get('cache-control')).toBe('no-store')
}

function requestOf(url: string, { method = 'GET', token, body, headers = {} }: CallOptions): Request {
  return new Request(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text }
}
