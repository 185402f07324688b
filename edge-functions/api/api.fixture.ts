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
  const { paths } = apiDocument(app, stack.url)
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
      const operations = paths?.[path.replace(/\?.*/, '')]
      const declared = options.method === 'POST' ? operations?.post : options.method ? undefined : operations?.get
      // Whatever a test makes a route answer, the OpenAPI document has to know.
      if (declared) expect(Object.keys(declared.responses ?? {})).toContain(String(answer.status))
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

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** An error of the contract: status, code, the field that is wrong if one is, and what every error carries. */
    toBeError(status: number, code: ErrorCode, param?: string): R
  }
}

expect.extend({
  toBeError(answer: Answer, status: number, code: ErrorCode, param?: string) {
    const parsed = ErrorResponse.strict().safeParse(answer.body)
    const error = parsed.data?.error
    const received = {
      status: answer.status,
      code: error?.code,
      param: error?.param,
      sentence: Boolean(error?.message),
      requestId: error?.request_id,
      cacheControl: answer.headers.get('cache-control'),
      language: /^(es|en)$/.test(answer.headers.get('content-language') ?? ''),
    }
    const requestId = answer.headers.get('x-request-id')
    const wanted = { status, code, param, sentence: true, requestId, cacheControl: 'no-store', language: true }
    return {
      pass: this.equals(received, wanted),
      message: () => `expected ${JSON.stringify(answer.body)} (${answer.status}) to be ${status} ${code}`,
      actual: received,
      expected: wanted,
    }
  },
})

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
