import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestStack } from '../../supabase/local/create-test-stack.ts'
import { connect } from '../../supabase/local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../../supabase/local/serve-database.ts'
import { credentialsContext } from '../store/credentials.ts'
import { createSealedBox } from '../store/sealed-box.ts'
import { examineEnvironment } from './examine-environment.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let stack: ServedDatabase
let environment: Record<string, string>
const key = randomBytes(32)

beforeAll(async () => {
  stack = await createTestStack()
  environment = { ...stack.environment, PORT: '0', AUTH_STATE_KEY: `k1:${key.toString('base64')}` }
})
afterAll(() => stack[Symbol.asyncDispose]())

/** What is wrong with a variant of a good environment, as `name: message`, and how it ends. */
async function examine(change: Record<string, string> = {}) {
  const { findings, exitCode } = await examineEnvironment({ ...environment, ...change })
  const wrong = findings.filter(({ state }) => state === 'failed' || state === 'warning')
  for (const each of wrong) expect(each.remedy).toBeTruthy()
  return { exitCode, wrong: wrong.map(({ name, message }) => `${name}: ${message}`), findings }
}

async function admin(text: string, values: unknown[] = []): Promise<void> {
  await using connected = await connect(stack.adminDatabaseUrl)
  await connected.client.query(text, values)
}

/** A server on a port of its own that answers everything with this. */
async function serve(status: number, body: string) {
  const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, [Symbol.dispose]: () => void server.close() }
}

test('an environment in which everything is there is ready, whichever user logs in to the database', async () => {
  const { exitCode, wrong, findings } = await examine()
  expect(wrong).toEqual([])
  expect(exitCode).toBe(0)
  expect(findings.map(({ name }) => name)).toEqual([
    'node',
    'settings',
    'database',
    'role',
    'migrations',
    'auth_state_key',
    'gateway',
    'tokens',
    'port',
  ])
  expect(await examine({ DATABASE_URL: stack.adminDatabaseUrl })).toMatchObject({ exitCode: 0, wrong: [] })
})

test('every wrong setting is named at once, and the rest is not guessed', async () => {
  const { exitCode, wrong, findings } = await examine({ PORT: 'x', SUPABASE_URL: '' })
  expect(exitCode).toBe(78)
  expect(wrong).toEqual([
    expect.stringContaining('settings: PORT'),
    expect.stringContaining('settings: SUPABASE_URL is required'),
  ])
  expect(findings.filter(({ state }) => state === 'skipped').length).toBeGreaterThan(3)
})

test('a secret out of a guide is a warning in development and wrong in production', async () => {
  const example = { JWT_SECRET: 'strong-secret-key', SUPABASE_JWKS_URL: '' }
  expect(await examine(example)).toMatchObject({
    exitCode: 0,
    wrong: [expect.stringContaining('JWT_SECRET is an example')],
  })
  expect(await examine({ ...example, NODE_ENV: 'production' })).toMatchObject({ exitCode: 78 })
})

test('a database that is not there, refuses the password or has another name is told apart', async () => {
  const url = new URL(environment['DATABASE_URL'] ?? '')
  using nobody = await serve(200, '')
  const elsewhere = Object.assign(new URL(url), { port: '1' })
  expect(await examine({ DATABASE_URL: elsewhere.href })).toMatchObject({
    exitCode: 1,
    wrong: ['database: The database cannot be reached (ECONNREFUSED).'],
  })
  expect(
    (await examine({ DATABASE_URL: Object.assign(new URL(url), { port: String(nobody.port) }).href })).exitCode,
  ).toBe(1)
  const forgotten = Object.assign(new URL(url), { password: 'wrong' })
  expect((await examine({ DATABASE_URL: forgotten.href })).wrong).toEqual([
    'database: The database refuses this user and password.',
  ])
  const misspelt = Object.assign(new URL(url), { pathname: '/nowhere' })
  expect((await examine({ DATABASE_URL: misspelt.href })).wrong).toEqual([
    'database: The server has no database of that name.',
  ])
})

test('a user that may not work as session_host is told how to', async () => {
  const name = `doctor_${randomUUID().slice(0, 8)}`
  await admin(`create role ${name} login password 'secret'`)
  try {
    const url = Object.assign(new URL(environment['DATABASE_URL'] ?? ''), { username: name, password: 'secret' })
    expect((await examine({ DATABASE_URL: url.href })).wrong).toEqual([
      'role: The user of DATABASE_URL may not work as session_host.',
    ])
  } finally {
    await admin(`drop role ${name}`)
  }
})

test('a migration that is not applied is named', async () => {
  await admin(`update supabase_migrations.schema_migrations set version = 'x' where version = '20261124000800'`)
  const { exitCode, wrong } = await examine()
  await admin(`update supabase_migrations.schema_migrations set version = '20261124000800' where version = 'x'`)
  expect(exitCode).toBe(1)
  expect(wrong).toEqual([expect.stringMatching(/^migrations: 1 of \d+ .*20261124000800/)])
})

test('a key that is missing, or is another of the same name, is wrong before it costs a linked number', async () => {
  const { id } = await stack.createUser({ email: `${randomUUID()}@example.com`, password: 'secret-password' })
  const session = randomUUID()
  await admin('insert into public.whatsapp_sessions (id, user_id) values ($1, $2)', [session, id])
  const sealed = createSealedBox([{ id: 'k1', key }]).seal(credentialsContext(session), Buffer.from('{}'))
  await admin('insert into private.whatsapp_credentials (session_id, ciphertext) values ($1, $2)', [session, sealed])
  expect(await examine()).toMatchObject({ exitCode: 0, wrong: [] })
  const other = randomBytes(32).toString('base64')
  expect(await examine({ AUTH_STATE_KEY: `k2:${other}` })).toMatchObject({
    exitCode: 78,
    wrong: [expect.stringContaining('auth_state_key: AUTH_STATE_KEY lacks "k1"')],
  })
  expect(await examine({ AUTH_STATE_KEY: `k1:${other}` })).toMatchObject({
    exitCode: 78,
    wrong: [expect.stringContaining('it is another key')],
  })
})

test('a gateway that is not there, is none, or does not know the key is told apart', async () => {
  using none = await serve(404, '<h1>Not found</h1>')
  const tokens = { SUPABASE_JWKS_URL: stack.jwksUrl }
  expect((await examine({ ...tokens, SUPABASE_URL: 'http://127.0.0.1:1' })).wrong).toEqual([
    'gateway: SUPABASE_URL cannot be reached.',
  ])
  expect((await examine({ ...tokens, SUPABASE_URL: `http://127.0.0.1:${none.port}` })).wrong).toEqual([
    'gateway: Something answers at SUPABASE_URL, but no Supabase gateway.',
  ])
  expect(await examine({ SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_another_project' })).toMatchObject({
    exitCode: 1,
    wrong: ['gateway: The gateway does not know SUPABASE_PUBLISHABLE_KEY.'],
  })
})

test('a project without signing keys is told to use its secret', async () => {
  using empty = await serve(200, '{"keys":[]}')
  const { wrong, findings } = await examine({ SUPABASE_JWKS_URL: `http://127.0.0.1:${empty.port}` })
  expect(wrong).toEqual(['tokens: The project has no asymmetric signing keys.'])
  expect(findings.find(({ name }) => name === 'tokens')?.remedy).toContain('JWT_SECRET')
})

test('a port that is taken is named', async () => {
  using taken = await serve(200, '')
  expect(await examine({ PORT: String(taken.port) })).toMatchObject({
    exitCode: 1,
    wrong: [`port: Something listens on port ${taken.port} already.`],
  })
})

test('the command says the same to people and, with --json, to programs; its exit code is the verdict; no secret is shown', async () => {
  async function run(change: Record<string, string>, ...args: string[]) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'doctor.ts'), ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...environment, ...change },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    return { said, code: code as number }
  }
  const good = await run({})
  expect(good).toMatchObject({ code: 0, said: expect.stringContaining('Ready: npm start') })
  const bad = await run({ SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_another_project' }, '--json')
  expect(bad.code).toBe(1)
  expect(JSON.parse(bad.said)).toMatchObject({ ok: false, exitCode: 1, findings: expect.any(Array) })
  for (const { said } of [good, bad])
    for (const secret of [new URL(environment['DATABASE_URL'] ?? '').password, key.toString('base64')])
      expect(said).not.toContain(secret)
})
