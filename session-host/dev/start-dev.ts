import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createStack } from '../../supabase/local/create-stack.ts'
import { freePort } from '../../supabase/local/postgres/free-port.ts'
import { buildPages } from './build-console.ts'
import { startProcess, type StartedProcess } from './start-process.ts'

export interface DevOptions {
  /** Where everything persists; without it temporary folders. */
  dataDir?: string
  fresh?: boolean
  /** Ports wanted; 0 for any free one. The next free one is taken when it is in use. */
  ports?: { console: number; gateway: number; database: number; simulator: number }
  /** false switches fsync off: tests only. */
  durable?: boolean
  /** Further settings of the session-host. */
  environment?: Record<string, string>
  onLine?: (line: string) => void
}

export interface Dev extends AsyncDisposable {
  /** The console, REST and Socket.IO. */
  url: string
  simulatorUrl: string
  supabaseUrl: string
  publishableKey: string
  databaseUrl: string
  adminDatabaseUrl: string
  login: { email: string; password: string }
  /** Stops the session-host and starts it again on the same port. */
  restartHost(): Promise<void>
  /** Resolves when a part has ended by itself. */
  ended: Promise<string>
}

const demo = { email: 'demo@example.com', password: 'demo-whatsapp' }

/** The whole product on embedded parts: Postgres, gateway, edge functions, WhatsApp simulator, session-host and console. */
export async function startDev(options: DevOptions = {}): Promise<Dev> {
  const { dataDir, fresh = false, durable = true, onLine = () => {} } = options
  const ports = options.ports ?? { console: 0, gateway: 0, database: 0, simulator: 0 }
  await using started = new AsyncDisposableStack()
  const [, stack] = await Promise.all([
    buildPages(),
    createStack({
      ...(dataDir ? { dataDir: join(dataDir, 'stack') } : {}),
      fresh,
      durable,
      port: ports.gateway,
      databasePort: ports.database,
      functions: true,
      log: onLine,
    }),
  ])
  started.use(stack)
  // A fresh database knows no linked phones, so the phones must not know of links either. The stack's lock covers both folders.
  if (fresh && dataDir) rmSync(join(dataDir, 'simulator'), { recursive: true, force: true })

  const simulator = started.use(
    await startProcess(
      'session-host/simulator/main.ts',
      [
        '--port',
        String(ports.simulator ? await freePort(ports.simulator) : 0),
        ...(dataDir ? ['--data', join(dataDir, 'simulator')] : []),
      ],
      {},
      (line) => line === 'ready',
      onLine,
    ),
  )
  const simulated = Object.fromEntries(simulator.lines.flatMap((line) => (line.includes('=') ? [splitOnce(line)] : [])))
  const simulatorUrl = simulated['SIMULATOR_URL'] ?? ''

  await stack.createUser(demo).catch((error: unknown) => {
    if (!isUserExists(error)) throw error
  })
  await addFirstPhone(simulatorUrl)

  const hostEnvironment = {
    ...stack.environment,
    WHATSAPP_WEB_SOCKET_URL: simulated['WHATSAPP_WEB_SOCKET_URL'] ?? '',
    WHATSAPP_ROOT_CERT_KEY: simulated['WHATSAPP_ROOT_CERT_KEY'] ?? '',
    WHATSAPP_MEDIA_CA_CERT: simulated['WHATSAPP_MEDIA_CA_CERT'] ?? '',
    PORT: String(ports.console ? await freePort(ports.console) : 0),
    ...options.environment,
  }
  const startHost = (environment: Record<string, string>): Promise<StartedProcess> =>
    startProcess('session-host/main.ts', [], environment, (line) => line.startsWith('session-host http'), onLine)
  let host = await startHost(hostEnvironment)
  started.defer(() => host[Symbol.asyncDispose]())
  const url = urlOf(host)

  const running = started.move()
  return {
    url,
    simulatorUrl,
    supabaseUrl: stack.url,
    publishableKey: stack.publishableKey,
    databaseUrl: stack.databaseUrl,
    adminDatabaseUrl: stack.adminDatabaseUrl,
    login: demo,
    async restartHost() {
      await host[Symbol.asyncDispose]()
      host = await startHost({ ...hostEnvironment, PORT: new URL(url).port })
    },
    ended: Promise.race([
      stack.databaseEnded.then((code) => `Postgres ended (exit code ${code})`),
      simulator.exited.then((code) => `the simulator ended (exit code ${code})`),
      host.exited.then((code) => `the session-host ended (exit code ${code})`),
    ]),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function urlOf(host: StartedProcess): string {
  return host.lines.at(-1)?.replace('session-host ', '') ?? ''
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

function isUserExists(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return /exists|registered/.test(`${String(code)} ${String(message)}`)
}

/** A first phone to scan with, unless there is one from before. */
async function addFirstPhone(simulatorUrl: string): Promise<void> {
  const { phones } = (await (await fetch(`${simulatorUrl}/phones`)).json()) as { phones: unknown[] }
  if (phones.length > 0) return
  const response = await fetch(`${simulatorUrl}/phones`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Demo' }),
  })
  if (!response.ok) throw new Error(`the simulator made no phone: ${response.status}`)
}
