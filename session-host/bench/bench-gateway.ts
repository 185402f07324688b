import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createStack, type Stack } from '../../supabase/local/create-stack.ts'
import { connect } from '../../supabase/local/postgres/bootstrap-database.ts'
import { databaseUrl } from '../../supabase/local/postgres/create-postgres-server.ts'
import { connectClient, type TestClient } from '../tests/connect-client.ts'
import { createDatabaseWatch, type DatabaseWatch } from '../tests/database-watch.ts'
import { startHostProcess, type HostProcess } from '../tests/start-host-process.ts'
import { startSimulatorProcess, type SimulatorProcess } from '../tests/crash/start-simulator-process.ts'
import { unpaced } from '../tests/unpaced.ts'

export interface BenchAccount {
  number: string
  token: string
  userId: string
  sessionId: string
}

/** The product in processes of its own with linked accounts: durable Postgres, simulator, one host, clients here. */
export interface BenchGateway extends AsyncDisposable {
  stack: Stack
  simulator: SimulatorProcess
  watch: DatabaseWatch
  accounts: BenchAccount[]
  host: () => HostProcess
  startHost(): Promise<HostProcess>
  /** Ends the host with a signal and resolves when it is gone. */
  endHost(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Links phones until there are so many. */
  link(count: number): Promise<void>
  /** Resolves when so many sessions are connected. */
  connected(count: number): Promise<void>
  join(account: BenchAccount): Promise<TestClient>
  /** What the host's process says of itself after a garbage collection. */
  inspect(): Promise<Inspection>
}

export interface Inspection {
  rss: number
  heapUsed: number
  external: number
  /** Event-loop delay since the last look, ms. */
  loop: { p50: number; p99: number; max: number }
}

/** Phones that are linked at once. */
const linksAtOnce = 6

/** @see BenchGateway */
export async function createBenchGateway(log: (line: string) => void): Promise<BenchGateway> {
  await using started = new AsyncDisposableStack()
  const stack = started.use(await createStack({ durable: true }))
  const watch = started.use(await createDatabaseWatch(stack.adminDatabaseUrl))
  const simulator = started.use(await startSimulatorProcess(['--receipt-delay', '100']))
  const environment: Record<string, string> = {
    ...stack.environment,
    ...simulator.environment,
    AUTH_STATE_KEY: `bench:${randomBytes(32).toString('base64')}`,
    CORS_ORIGINS: 'http://localhost:3000',
    PORT: '0',
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'measured-process.ts')}`,
    ...unpaced,
  }
  const accounts: BenchAccount[] = []
  let host: HostProcess | undefined
  started.defer(async () => void (await host?.end()))

  async function startHost(): Promise<HostProcess> {
    host = await startHostProcess(environment)
    return host
  }
  function running(): HostProcess {
    if (!host) throw new Error('no host is running')
    return host
  }

  async function linkOne(index: number): Promise<void> {
    const number = `346${String(20_000_000 + index)}`
    const { id: userId } = await stack.createUser({ email: `bench${index}@example.com`, password: 'secret-password' })
    const token = await stack.mintToken({ sub: userId, exp: Math.floor(Date.now() / 1_000) + 86_400 })
    await simulator.control.post('/phones', { number, name: `Cuenta ${index}`, contacts: [], history: [] })
    await using client = await connectClient(running().url)
    await client.ask('join', { token })
    client.emit('get-qr', {})
    const image = await client.next<string>('qr-code')
    await simulator.control.post(`/phones/${number}/scan`, { image })
    const { sessionId } = await client.next<{ sessionId: string }>('session-ready')
    accounts.push({ number, token, userId, sessionId })
  }

  const gateway: BenchGateway = {
    stack,
    simulator,
    watch,
    accounts,
    host: running,
    startHost,
    async endHost(signal) {
      const last = running()
      host = undefined
      last.signal(signal)
      await last.exited
    },
    async link(count) {
      const startedAt = performance.now()
      let next = accounts.length
      await Promise.all(
        Array.from({ length: linksAtOnce }, async () => {
          while (next < count) await linkOne((next += 1))
        }),
      )
      log(`${accounts.length} phones linked, ${Math.round((performance.now() - startedAt) / 1_000)} s`)
    },
    async connected(count) {
      await watch.until<{ count: number }>(
        `select count(*)::int from public.whatsapp_sessions s join private.session_leases l on l.session_id = s.id
           where s.status = 'connected' and l.expires_at > clock_timestamp()`,
        [],
        ([row]) => (row?.count ?? 0) >= count,
      )
    },
    async join(account) {
      const client = await connectClient(running().url)
      const answer = await client.ask('join', { token: account.token })
      if (!answer.ok) throw new Error(answer.error.code)
      return client
    },
    async inspect() {
      const process = running()
      const { log: lines } = process
      const seen = lines.filter(isMeasurement).length
      process.signal('SIGUSR2')
      for (;;) {
        const line = lines.filter(isMeasurement)[seen]
        if (line) return (JSON.parse(line) as { measured: Inspection }).measured
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  }
  await startHost()
  const disposables = started.move()
  return gateway
}

/** Has the database look at its tables, as autovacuum does to those that are in use. */
export async function analyze({ stack }: BenchGateway): Promise<void> {
  const { port } = new URL(stack.adminDatabaseUrl)
  await using connected = await connect(databaseUrl(Number(port), stack.secrets, 'supabase_admin'))
  await connected.client.query('analyze')
}

function isMeasurement(line: string): boolean {
  return line.startsWith('{"measured"')
}

/** CPU time that a process has used so far, ms (Linux). */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  // utime and stime, in ticks of 10 ms: fields 14 and 15 of proc(5), counted without pid and name.
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** CPU time of all server processes of the database so far, ms. */
export function cpuOfDatabase(folder: string): number {
  const postmaster = Number(readFileSync(join(folder, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  // Of those that have ended, the postmaster knows the sum: cutime and cstime.
  const fields = readFileSync(`/proc/${postmaster}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const ended = (Number(fields[13]) + Number(fields[14])) * 10
  return children.reduce(
    (sum, pid) => {
      try {
        return sum + cpuOf(Number(pid))
      } catch {
        return sum
      }
    },
    cpuOf(postmaster) + ended,
  )
}
