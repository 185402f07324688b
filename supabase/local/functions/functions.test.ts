import { join } from 'node:path'
import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestStack } from '../create-test-stack.ts'
import type { ServedDatabase } from '../serve-database.ts'

let stack: ServedDatabase
const lines: string[] = []

beforeAll(async () => {
  stack = await createTestStack({
    functions: { folder: join(import.meta.dirname, 'fixture') },
    log: (line) => lines.push(line),
  })
})
afterAll(() => stack[Symbol.asyncDispose]())

function call(path: string, init?: RequestInit): Promise<Response> {
  return fetch(`${stack.url}/functions/v1/${path}`, init)
}

test('a function runs under Deno, sees its own path, and does not hold the secret key', async () => {
  expect(await (await call('hello/echo?a=1')).json()).toMatchObject({
    path: '/hello/echo',
    query: { a: '1' },
    runtime: expect.stringMatching(/^Deno\//),
    url: stack.url,
    secretKnown: false,
  })
})

test('supabase-js invokes it', async () => {
  const { data, error } = await createClient(stack.url, stack.publishableKey).functions.invoke('hello/echo', {
    body: { text: 'ñ' },
  })
  expect({ data, error }).toEqual({ data: { body: { text: 'ñ' } }, error: null })
})

test('it verifies a user’s token by the published keys and reads as that user', async () => {
  const user = await stack.createUser({ email: 'someone@example.com', password: 'password-1' })
  const { access_token: token } = await stack.signIn({ email: 'someone@example.com', password: 'password-1' })
  const answer = await call('hello/whoami', { headers: { authorization: `Bearer ${token}` } })
  expect(await answer.json()).toEqual({ sub: user.id, data: [], error: null })
  const foreign = await stack.mintToken({ sub: user.id }, { algorithm: 'foreign' })
  expect((await call('hello/whoami', { headers: { authorization: `Bearer ${foreign}` } })).status).toBe(401)
})

test('the function answers CORS itself', async () => {
  const preflight = await call('hello/echo', {
    method: 'OPTIONS',
    headers: { origin: 'http://app.example', 'access-control-request-method': 'GET' },
  })
  expect(preflight.headers.get('access-control-allow-origin')).toBe('http://app.example')
})

test('an answer streams through', async () => {
  expect(await (await call('hello/stream')).text()).toBe('one\ntwo\n')
})

test('a function reaches nothing but loopback', async () => {
  expect(await (await call('hello/outside')).json()).toEqual({ outcome: 'NotCapable' })
})

test('a function that ends starts again at the next request', async () => {
  expect((await call('hello/exit')).status).toBe(502)
  expect((await call('hello/echo')).status).toBe(200)
})

test('a function that does not start gives 503, its reason goes to the log, and it is not started for ever', async () => {
  for (let attempt = 0; attempt < 7; attempt++) {
    expect(await (await call('broken')).json()).toMatchObject({ code: 'BOOT_ERROR' })
  }
  expect(lines.filter((line) => line.includes('Error: this function never starts'))).toHaveLength(5)
})

test('an unknown function is 404, and so is a name that leads elsewhere', async () => {
  expect((await call('nothing/x')).status).toBe(404)
  expect((await call('..%2fhello/echo')).status).toBe(404)
})

test('a function that spins is stopped with its stack', async () => {
  const own = await createTestStack({ functions: { folder: join(import.meta.dirname, 'fixture') } })
  const spinning = fetch(`${own.url}/functions/v1/hello/spin`).catch(() => 'ended')
  await fetch(`${own.url}/functions/v1/hello/echo`, { signal: AbortSignal.timeout(300) }).catch(() => {})
  await own[Symbol.asyncDispose]()
  expect(await spinning).toBe('ended')
})
