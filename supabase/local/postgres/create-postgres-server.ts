import { spawn, spawnSync } from 'node:child_process'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type GuardedProcess, startGuarded } from '../guarded-process.ts'
import type { LoginRole, Secrets } from '../secrets.ts'
import { locateBinaries, type PostgresBinaries } from './binaries.ts'
import { clusterHome } from './cluster-home.ts'
import { freePort } from './free-port.ts'
import { giveTo, type ServerAccount } from './server-account.ts'
import { keepServer, type KeptServer } from './keep-server.ts'
import { stopSurvivingPostmaster } from './surviving-postmaster.ts'

export interface PostgresServer extends KeptServer {
  port: number
}

export interface PostgresServerOptions {
  /** The stack's data folder; the cluster lies in its `postgres`, the server's log in its `postgres.log`. */
  folder: string
  secrets: Secrets
  /** Preferred port; the next free one is taken when it is not free. 0 = any. */
  port: number
  /** `false` switches off fsync: fast, and lost when the machine fails. Tests only. */
  durable: boolean
  /** Whether the folder goes when the server has stopped. */
  temporary: boolean
}

/** A connection string for one of the cluster's login roles. */
export function databaseUrl(port: number, secrets: Secrets, role: LoginRole, database = 'postgres'): string {
  return `postgresql://${role}:${secrets.passwords[role]}@127.0.0.1:${port}/${database}`
}

/** Starts Postgres 17 on a cluster of its own (made at first use) and waits until it takes connections. Loopback only. */
export async function createPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const { home, account } = clusterHome(options.folder)
  const cluster = join(home, 'cluster')
  await stopSurvivingPostmaster(cluster)
  const binaries = locateBinaries(account, join(home, 'native'))
  if (!existsSync(join(cluster, 'PG_VERSION'))) {
    makeCluster(binaries, account, home, options.secrets)
    if (options.durable) syncInBackground(binaries, account, cluster)
  }

  const removeWhenStopped = options.temporary ? [home, options.folder] : []
  const launch = (port: number): GuardedProcess =>
    startGuarded(
      {
        command: binaries.postgres,
        args: serverArguments(cluster, port, options.durable),
        cwd: '/',
        ...account.ids,
        logFile: join(options.folder, 'postgres.log'),
        stop: [
          { signal: 'SIGINT', afterMs: 0 },
          { signal: 'SIGQUIT', afterMs: 10_000 },
          { signal: 'SIGKILL', afterMs: 10_000 },
        ],
        removeWhenStopped,
      },
      { PATH: '/usr/bin:/bin', TZ: 'UTC' },
    )
  const accepts = (server: GuardedProcess, port: number): Promise<boolean> =>
    accepting(server, databaseUrl(port, options.secrets, 'supabase_admin'), cluster)
  for (let attempt = 1; attempt <= 5; attempt++) {
    const port = await freePort(options.port)
    const first = launch(port)
    if (!(await accepts(first, port))) continue
    const server = keepServer(first, async () => {
      const next = launch(port)
      if (await accepts(next, port)) return next
      throw new Error(`Postgres does not start again on port ${port}`)
    })
    return {
      ...server,
      port,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]()
        for (const path of removeWhenStopped) rmSync(path, { recursive: true, force: true })
      },
    }
  }
  throw new Error(`Postgres does not start; its log says why: ${join(options.folder, 'postgres.log')}`)
}

/** Runs initdb beside the final place, so that an interrupted run leaves no half cluster. Text sorts as on the platform (en-US). */
function makeCluster(binaries: PostgresBinaries, account: ServerAccount, home: string, secrets: Secrets): void {
  const unfinished = join(home, 'cluster.new')
  const passwordFile = join(home, 'initial-password')
  rmSync(unfinished, { recursive: true, force: true })
  writeFileSync(passwordFile, secrets.passwords.supabase_admin, { mode: 0o600 })
  giveTo(account, passwordFile)
  const run = spawnSync(
    binaries.initdb,
    [
      `--pgdata=${unfinished}`,
      '--username=supabase_admin',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      `--locale=${process.platform === 'linux' ? 'C.UTF-8' : 'en_US.UTF-8'}`,
      '--locale-provider=icu',
      '--icu-locale=en-US',
      '--no-instructions',
      '--no-sync',
    ],
    { ...account.ids, cwd: '/', env: { PATH: '/usr/bin:/bin', TZ: 'UTC' }, encoding: 'utf8' },
  )
  rmSync(passwordFile)
  if (run.status !== 0) throw new Error(`initdb failed: ${run.error?.message ?? run.stderr}`)
  renameSync(unfinished, join(home, 'cluster'))
}

/** Writes a new cluster through to the disk while the server starts: waiting for it would double the time of a first start. */
function syncInBackground(binaries: PostgresBinaries, { ids }: ServerAccount, cluster: string): void {
  spawn(binaries.initdb, ['--sync-only', `--pgdata=${cluster}`], {
    ...ids,
    cwd: '/',
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin' },
  })
    .on('error', () => {})
    .unref()
}

function serverArguments(cluster: string, port: number, durable: boolean): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    // Statements may carry passwords and message texts: no log line repeats one.
    log_min_error_statement: 'panic',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_error_verbosity: 'terse',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** Waits until the server answers a query on its own cluster; `false` when it ended instead (its port was taken meanwhile). */
async function accepting(server: GuardedProcess, url: string, cluster: string): Promise<boolean> {
  let ended = false
  void server.exited.then(() => (ended = true))
  for (; !ended; await delay(15)) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows } = await client.query<{ data_directory: string }>('show data_directory')
      if (rows[0]?.data_directory === cluster) return true
    } catch {
      // not yet
    } finally {
      await client.end().catch(() => {})
    }
  }
  return false
}
