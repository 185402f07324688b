import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@supabase/supabase-js'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { processStarted } from './data-folder.ts'

interface RunningStack {
  process: ChildProcess
  environment: Record<string, string>
  said: string[]
  exit: Promise<number | null>
}

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 }) // several servers are made from nothing in each test

let data: string
const children: ChildProcess[] = []
beforeEach(() => {
  data = realpathSync(mkdtempSync(join(tmpdir(), 'stack-test-')))
  chmodSync(data, 0o755)
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  rmSync(data, { recursive: true, force: true })
})

/** Starts the command and waits for `ready`; rejects with what it said when it ends before. */
async function start(
  args: string[] = [],
  options: { uid?: number; gid?: number; env?: Record<string, string> } = {},
): Promise<RunningStack> {
  const { env = {}, ...ids } = options
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, 'stack.ts'),
      '--data',
      data,
      '--port',
      '0',
      '--database-port',
      '0',
      '--no-functions',
      ...args,
    ],
    { ...ids, env: { ...process.env, NODE_ENV: 'development', ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  children.push(child)
  const said: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  const environment: Record<string, string> = {}
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') return { process: child, environment, said, exit }
    const [name = '', ...value] = line.split('=')
    environment[name] = value.join('=')
  }
  throw new Error(`exit ${await exit}: ${said.join('\n')}`)
}

async function stop(stack: RunningStack, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  stack.process.kill(signal)
  return stack.exit
}

function postmaster(): number {
  return Number(readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0])
}

async function gone(pid: number): Promise<void> {
  while (processStarted(pid) !== undefined) await delay(20)
}

async function signUp({ environment: env }: RunningStack, email: string): Promise<void> {
  const client = createClient(env['SUPABASE_URL'] ?? '', env['SUPABASE_PUBLISHABLE_KEY'] ?? '', {
    auth: { persistSession: false },
  })
  expect((await client.auth.signUp({ email, password: 'password-1' })).error).toBeNull()
}

async function canSignIn({ environment: env }: RunningStack, email: string): Promise<boolean> {
  const client = createClient(env['SUPABASE_URL'] ?? '', env['SUPABASE_PUBLISHABLE_KEY'] ?? '', {
    auth: { persistSession: false },
  })
  return (await client.auth.signInWithPassword({ email, password: 'password-1' })).error === null
}

test('the command prints what the host needs, stops on SIGTERM and SIGINT without a trace, and its data persist until --fresh', async () => {
  const first = await start()
  expect(Object.keys(first.environment)).toEqual([
    'DATABASE_URL',
    'SUPABASE_URL',
    'SUPABASE_PUBLISHABLE_KEY',
    'SUPABASE_SERVICE_ROLE_KEY',
    'SUPABASE_JWKS_URL',
  ])
  await signUp(first, 'a@example.com')
  const server = postmaster()
  expect(await stop(first)).toBe(0)
  expect(processStarted(server)).toBeUndefined()

  const second = await start()
  expect(second.environment['SUPABASE_PUBLISHABLE_KEY']).toBe(first.environment['SUPABASE_PUBLISHABLE_KEY'])
  expect(await canSignIn(second, 'a@example.com')).toBe(true)
  expect(await stop(second, 'SIGINT')).toBe(0)

  const third = await start(['--fresh'])
  expect(third.environment['SUPABASE_PUBLISHABLE_KEY']).not.toBe(first.environment['SUPABASE_PUBLISHABLE_KEY'])
  expect(await canSignIn(third, 'a@example.com')).toBe(false)
})

test('killing the command leaves no Postgres behind, and the next start finds what was committed on the same port', async () => {
  const first = await start()
  await signUp(first, 'kept@example.com')
  const { port } = new URL(first.environment['DATABASE_URL'] ?? '')
  const server = postmaster()
  await stop(first, 'SIGKILL')
  const second = await start(['--database-port', port])
  expect(processStarted(server)).toBeUndefined()
  expect(new URL(second.environment['DATABASE_URL'] ?? '').port).toBe(port)
  expect(await canSignIn(second, 'kept@example.com')).toBe(true)

  // A Postgres that outlived even its guard is stopped by the next start, never joined by a second one.
  const survivor = postmaster()
  const guard = Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(survivor)], { encoding: 'utf8' }))
  process.kill(guard, 'SIGKILL')
  await stop(second, 'SIGKILL')
  expect(processStarted(survivor)).toBeDefined()
  const third = await start()
  expect(processStarted(survivor)).toBeUndefined()
  expect(await canSignIn(third, 'kept@example.com')).toBe(true)

  // And with nobody starting again, nothing stays.
  const last = postmaster()
  await stop(third, 'SIGKILL')
  await gone(last)
})

test('killing a process leaves nothing of its temporary stack, neither server nor files', async () => {
  const code = `import { createStack } from ${JSON.stringify(join(import.meta.dirname, 'create-stack.ts'))}
    const stack = await createStack({ durable: false, migrations: false })
    console.log(stack.folder)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [folder] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const server = Number(readFileSync(join(folder, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0])
  child.kill('SIGKILL')
  await gone(server)
  while (existsSync(folder)) await delay(20)
  expect(existsSync(folder)).toBe(false)
})

test('the command ends with an error when its Postgres ends by itself', async () => {
  const stack = await start()
  process.kill(postmaster(), 'SIGQUIT')
  expect(await stack.exit).toBe(1)
  expect(stack.said.join('\n')).toContain('Postgres ended by itself')
})

test('the same data can’t be used twice at once; other data and ports can', async () => {
  const first = await start()
  await expect(start()).rejects.toThrow(/exit 69: stack: The data folder .* is in use by process \d+/)
  const url = new URL(first.environment['SUPABASE_URL'] ?? '')
  const database = new URL(first.environment['DATABASE_URL'] ?? '')
  const second = await start(['--data', join(data, 'other'), '--port', url.port, '--database-port', database.port])
  expect(second.said.filter((line) => line.includes('is taken'))).toEqual([
    expect.stringMatching(new RegExp(`port ${url.port} is taken: the gateway listens on \\d+`)),
    expect.stringMatching(new RegExp(`port ${database.port} is taken: Postgres listens on \\d+`)),
  ])
  await signUp(second, 'b@example.com')
  expect(await canSignIn(first, 'b@example.com')).toBe(false)
  await stop(second)
  expect(await canSignIn(first, 'b@example.com')).toBe(false)
})

test('it refuses to start in production with exit code 78 and a sentence', async () => {
  await expect(start([], { env: { NODE_ENV: 'production' } })).rejects.toThrow(
    /exit 78: .*does not start when NODE_ENV is production/,
  )
})

test('a port that is none, and an unknown option, are named', async () => {
  await expect(start(['--port', '70000'])).rejects.toThrow(/exit 64: .*--port takes a port number/)
  await expect(start(['--nope'])).rejects.toThrow(/exit 64: .*nope/)
})

test.runIf(process.geteuid?.() === 0)('an ordinary user runs it too', async () => {
  const nobody = statOf('nobody')
  chownSync(data, nobody.uid, nobody.gid)
  const stack = await start([], { ...nobody, env: { HOME: data } })
  await signUp(stack, 'a@example.com')
  expect(statSync(join(data, 'postgres/cluster')).uid).toBe(nobody.uid)
  expect(await stop(stack)).toBe(0)
  // …and root goes on with that user's data, as that user.
  const asRoot = await start()
  expect(await canSignIn(asRoot, 'a@example.com')).toBe(true)
})

test.runIf(process.geteuid?.() === 0)('as root, data in a folder that only root can enter are kept', async () => {
  const closed = join(data, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const folder = join(closed, 'data')
  const first = await start(['--data', folder])
  await signUp(first, 'a@example.com')
  expect(await stop(first)).toBe(0)
  const second = await start(['--data', folder])
  expect(await canSignIn(second, 'a@example.com')).toBe(true)
  expect(await stop(second)).toBe(0)

  // Such data lie elsewhere: they go when the folder they belong to is gone and another stack needs such a place.
  const home = realpathSync(join(folder, 'postgres'))
  rmSync(folder, { recursive: true })
  const third = await start(['--data', folder])
  expect(existsSync(home)).toBe(false)
  await stop(third)
  rmSync(realpathSync(join(folder, 'postgres')), { recursive: true })
})

function statOf(user: string): { uid: number; gid: number } {
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${user}:`))
      ?.split(':') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}
