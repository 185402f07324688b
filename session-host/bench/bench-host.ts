import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { startGuarded } from '../../supabase/local/guarded-process.ts'
import { readConfig } from '../config.ts'
import { createHost, type Host } from '../host.ts'
import { createControl, type Control } from '../simulator/testing/control.ts'
import { connectClient, type TestClient } from '../tests/connect-client.ts'
import type { BenchStack } from './bench-stack.ts'
import { unpaced } from '../tests/unpaced.ts'

/** A user with a linked phone, and a client that listens. */
export interface LinkedMember {
  number: string
  sessionId: string
  client: TestClient
}

/** A host in this process, on a simulator in one of its own. */
export interface BenchHost extends AsyncDisposable {
  host: Host
  control: Control
  /** Makes a user and a phone, and links them. Resolves when the session is connected. */
  link(number: string, phone: object): Promise<LinkedMember>
}

/** @see BenchHost */
export async function createBenchHost({ stack }: BenchStack): Promise<BenchHost> {
  await using started = new AsyncDisposableStack()
  const simulator = await startSimulator(started)
  const control = createControl(simulator['SIMULATOR_URL'] ?? '')
  const config = readConfig({
    ...stack.environment,
    ...simulator,
    ...unpaced,
    AUTH_STATE_KEY: `bench:${randomBytes(32).toString('base64')}`,
    CORS_ORIGINS: 'http://localhost:3000',
    PORT: '0',
    LOG_LEVEL: 'warn',
  })
  const logger = quietLogger()
  const host = started.use(
    await createHost({ config, authStateKeys: config.authStateKeys ?? [], logger, hostname: '127.0.0.1' }),
  )
  const running = started.move()
  return {
    host,
    control,
    async link(number, phone) {
      const { id } = await stack.createUser({ email: `bench${number}@example.com`, password: 'secret-password' })
      const token = await stack.mintToken({ sub: id })
      await control.post('/phones', { number, contacts: [], history: [], ...phone })
      const client = running.use(await connectClient(`http://127.0.0.1:${host.port}`))
      await client.ask('join', { token })
      client.emit('get-qr', {})
      await control.post(`/phones/${number}/scan`, { image: await client.next<string>('qr-code') })
      const { sessionId } = await client.next<{ sessionId: string }>('session-ready')
      return { number, sessionId, client }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** The simulator's addresses, as it prints them. */
async function startSimulator(started: AsyncDisposableStack): Promise<Record<string, string>> {
  const root = join(import.meta.dirname, '..', '..')
  const guarded = started.use(
    startGuarded(
      {
        command: process.execPath,
        args: [join(root, 'session-host', 'simulator', 'main.ts'), '--seed', 'bench'],
        cwd: root,
        stop: [
          { signal: 'SIGTERM', afterMs: 0 },
          { signal: 'SIGKILL', afterMs: 5_000 },
        ],
        removeWhenStopped: [],
      },
      { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
    ),
  )
  createInterface({ input: guarded.stderr }).on('line', (line) => process.stderr.write(`${line}\n`))
  const facts: Record<string, string> = {}
  for await (const line of createInterface({ input: guarded.stdout })) {
    if (line === 'ready') break
    const at = line.indexOf('=')
    facts[line.slice(0, at)] = line.slice(at + 1)
  }
  return facts
}

interface QuietLogger {
  debug(): void
  info(): void
  warn(facts: object, sentence: string): void
  error(facts: object, sentence: string): void
  child(): QuietLogger
}

/** Says what goes wrong, and nothing else. */
function quietLogger(): QuietLogger {
  const say = (facts: object, sentence: string): void =>
    void process.stderr.write(`${sentence} ${JSON.stringify(facts)}\n`)
  const logger: QuietLogger = { debug() {}, info() {}, warn: say, error: say, child: () => logger }
  return logger
}
