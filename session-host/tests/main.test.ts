import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { startGateway } from './start-gateway.ts'
import { startHostProcess } from './start-host-process.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://host:secret@db.example.com:5432/postgres',
  SUPABASE_URL: 'https://project.example.com',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_real',
  AUTH_STATE_KEY: `k1:${randomBytes(32).toString('base64')}`,
  CORS_ORIGINS: 'https://app.example.com',
}

test('a bad environment ends it with 78 and names every variable that is wrong', async () => {
  const failure: unknown = await startHostProcess({
    PORT: 'abc',
    LOG_LEVEL: 'loud',
    JWT_SECRET: 'x',
    SUPABASE_JWKS_URL: 'y',
  }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ exitCode: 78 })
  for (const name of [
    'PORT',
    'LOG_LEVEL',
    'SUPABASE_JWKS_URL',
    'DATABASE_URL',
    'SUPABASE_URL',
    'SUPABASE_PUBLISHABLE_KEY',
  ])
    expect(String(failure)).toContain(name)
})

test.for([
  ['an embedded key', { SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_embedded_x' }, 'SUPABASE_PUBLISHABLE_KEY'],
  ['a secret out of a guide', { JWT_SECRET: 'strong-secret-key' }, 'JWT_SECRET'],
  ['a simulator', { WHATSAPP_WEB_SOCKET_URL: 'ws://127.0.0.1:1/ws/chat' }, 'WHATSAPP_WEB_SOCKET_URL'],
  ['no key for credentials', { AUTH_STATE_KEY: '' }, 'AUTH_STATE_KEY'],
] as const)('in production it refuses %s with 78', async ([, change, name]) => {
  const failure: unknown = await startHostProcess({ ...production, ...change }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ exitCode: 78 })
  expect(String(failure)).toContain(name)
})

test('it keeps little room for what lives shortly, except where the operator said otherwise; SIGTERM ends it with 0 and gives the lease back', async () => {
  await using gateway = await startGateway({ host: false })
  const host = await startHostProcess({ ...gateway.environment, MALLOC_ARENA_MAX: '4' }, 'SIGTERM')
  const words = async (file: string): Promise<string[]> =>
    (await readFile(`/proc/${host.pid}/${file}`, 'utf8')).split('\0')
  expect(await words('cmdline')).toContain('--max-semi-space-size=8')
  expect(await words('environ')).toEqual(
    expect.arrayContaining(['MALLOC_ARENA_MAX=4', 'MALLOC_TRIM_THRESHOLD_=131072', 'MALLOC_MMAP_THRESHOLD_=131072']),
  )
  gateway.moveTo(host.url)
  const member = await gateway.createMember()
  const client = await gateway.join(member)
  await client.ask('get-qr', {})
  await client.next('qr-code')
  expect(await host.end()).toBe(0)
  await client.closed
  expect(
    await gateway.database.query('select 1 from private.session_leases where expires_at > clock_timestamp()'),
  ).toEqual([])
  expect(await gateway.database.query('select 1 from private.socket_connections')).toEqual([])
})
