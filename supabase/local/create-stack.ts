import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { holdDataFolder } from './data-folder.ts'
import { bootstrapDatabase, connect, enableHostLogin } from './postgres/bootstrap-database.ts'
import { createPostgresServer, databaseUrl, type PostgresServer } from './postgres/create-postgres-server.ts'
import { freePort } from './postgres/free-port.ts'
import { migrate, readMigrations } from './postgres/migrate.ts'
import { stopSurvivingPostmaster } from './postgres/surviving-postmaster.ts'
import { loadSecrets, type Secrets } from './secrets.ts'
import { serveDatabase, type ServedDatabase, type ServeOptions } from './serve-database.ts'

export interface StackOptions extends Partial<Pick<ServeOptions, 'functions' | 'hs256Secret' | 'log'>> {
  /** Where data persist; without it a fresh temporary folder, removed on dispose and when this process is killed. */
  dataDir?: string
  /** Deletes what is in `dataDir` first. */
  fresh?: boolean
  /** Preferred port of the gateway; 0 (default) is any. When it is taken, the next free one. */
  port?: number
  /** Preferred port of Postgres; 0 (default) is any. When it is taken, the next free one. */
  databasePort?: number
  /** `false` switches fsync off and lowers the cost of password hashes: tests only. Default true. */
  durable?: boolean
  /** Whether the migrations are applied (and the seed, to an empty database). Default true. */
  migrations?: boolean
}

export interface Stack extends ServedDatabase {
  /** Resolves when the Postgres server ends before the stack is disposed of. */
  databaseEnded: Promise<number>
  /** Ends and starts the Postgres server while everything else goes on. */
  postgres: Pick<PostgresServer, 'stop' | 'start'>
  /** The folder that holds the data. */
  folder: string
  secrets: Secrets
}

/** Thrown when the environment says production. */
export class EmbeddedInProduction extends Error {
  readonly code = 'embedded_in_production'
  constructor() {
    super('The embedded Supabase is for development and tests only and does not start when NODE_ENV is production.')
  }
}

const supabaseFolder = join(import.meta.dirname, '..')
/** All that a stack ever writes into its data folder; `fresh` removes nothing else. */
const ownEntries = ['postgres', 'postgres.log', 'secrets.json', 'functions', 'storage']

/**
 * Starts an embedded Supabase: Postgres 17 with the migrations applied, and the gateway in front of it. Dispose of it to
 * stop everything that it started. Throws `DataFolderInUse` when another living process holds `dataDir`,
 * `EmbeddedInProduction` in production.
 */
export async function createStack(options: StackOptions = {}): Promise<Stack> {
  if (process.env['NODE_ENV'] === 'production') throw new EmbeddedInProduction()
  const { durable = true, log = () => {} } = options
  const temporary = options.dataDir === undefined
  const folder = prepareFolder(options.dataDir)
  await using started = new AsyncDisposableStack()
  if (temporary) started.defer(() => rmSync(folder, { recursive: true, force: true }))
  started.use(holdDataFolder(folder))
  if (options.fresh) await empty(folder)

  const secrets = await loadSecrets(folder)
  const server = started.use(
    await createPostgresServer({ folder, secrets, port: options.databasePort ?? 0, durable, temporary }),
  )
  await prepareDatabase(server, secrets, 'postgres', options.migrations ?? true, log)
  const served = started.use(
    await serveDatabase({
      secrets,
      databasePort: server.port,
      database: 'postgres',
      port: options.port ? await freePort(options.port) : 0,
      bcryptCost: durable ? 10 : 4,
      functions: options.functions ?? false,
      functionsCache: join(folder, 'functions'),
      storageFolder: join(folder, 'storage'),
      hs256Secret: options.hs256Secret,
      log,
    }),
  )
  const running = started.move()
  return {
    ...served,
    databaseEnded: server.exited,
    postgres: server,
    folder,
    secrets,
    async [Symbol.asyncDispose]() {
      await running.disposeAsync()
    },
  }
}

/** Bootstraps a database, applies what migrations it lacks, seeds it when it was empty, and lets the session-host log in. */
export async function prepareDatabase(
  { port }: Pick<PostgresServer, 'port'>,
  secrets: Secrets,
  database: string,
  migrations: boolean,
  log: (line: string) => void,
): Promise<void> {
  await bootstrapDatabase(port, secrets, database)
  if (migrations) {
    const wanted = readMigrations(join(supabaseFolder, 'migrations'))
    await using owner = await connect(databaseUrl(port, secrets, 'postgres', database))
    const { applied, changed } = await migrate(owner.client, wanted)
    for (const version of changed) {
      log(`migration ${version} has changed since it was applied to this database; start with --fresh to apply it anew`)
    }
    const seed = join(supabaseFolder, 'seed.sql')
    if (applied.length > 0 && applied.length === wanted.length && existsSync(seed))
      await owner.client.query(readFileSync(seed, 'utf8'))
  }
  await enableHostLogin(port, secrets, database)
}

function prepareFolder(dataDir: string | undefined): string {
  if (dataDir === undefined) {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'embedded-supabase-')))
    chmodSync(folder, 0o755) // the server's account must get through; what is secret in it is closed by itself
    return folder
  }
  mkdirSync(dataDir, { recursive: true })
  return realpathSync(resolve(dataDir))
}

async function empty(folder: string): Promise<void> {
  const place = join(folder, 'postgres')
  if (existsSync(place)) {
    await stopSurvivingPostmaster(join(realpathSync(place), 'cluster'))
    rmSync(realpathSync(place), { recursive: true, force: true })
  }
  for (const entry of ownEntries) rmSync(join(folder, entry), { recursive: true, force: true })
}
