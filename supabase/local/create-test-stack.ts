import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { createStack, prepareDatabase, type StackOptions } from './create-stack.ts'
import { connect } from './postgres/bootstrap-database.ts'
import { databaseUrl } from './postgres/create-postgres-server.ts'
import type { Secrets } from './secrets.ts'
import { serveDatabase, type ServedDatabase } from './serve-database.ts'

/** A Postgres server that several tests share, and the database in it that theirs are copies of. */
export interface SharedServer {
  port: number
  secrets: Secrets
  template: string
}

declare module 'vitest' {
  interface ProvidedContext {
    embeddedPostgres: SharedServer
  }
}

export type TestStackOptions = Pick<StackOptions, 'functions' | 'hs256Secret' | 'log'>

/**
 * A database of the test's own with the migrations applied, and a gateway in front of it; both go on dispose. Uses the
 * server that `vitest-global-setup.ts` started, or starts one of its own where there is none.
 */
export async function createTestStack(options: TestStackOptions = {}): Promise<ServedDatabase> {
  const shared = inject('embeddedPostgres') as SharedServer | undefined
  if (!shared) return createStack({ ...options, durable: false })

  await using started = new AsyncDisposableStack()
  const { database } = started.use(await cloneDatabase(shared))
  const folder = mkdtempSync(join(tmpdir(), 'embedded-test-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const served = started.use(
    await serveDatabase({
      secrets: shared.secrets,
      databasePort: shared.port,
      database,
      port: 0,
      bcryptCost: 4,
      functions: options.functions ?? false,
      functionsCache: join(folder, 'functions'),
      storageFolder: join(folder, 'storage'),
      hs256Secret: options.hs256Secret,
      log: options.log ?? (() => {}),
    }),
  )
  const running = started.move()
  return {
    ...served,
    async [Symbol.asyncDispose]() {
      await running.disposeAsync()
    },
  }
}

/** Makes a database with the migrations applied that others are cloned from, and closes it to connections. */
export async function createDatabaseTemplate(
  server: { port: number; secrets: Secrets },
  migrations = true,
): Promise<SharedServer> {
  const template = `template_${randomUUID().slice(0, 8)}`
  await using admin = await connect(databaseUrl(server.port, server.secrets, 'supabase_admin'))
  await admin.client.query(`create database ${template}`)
  await prepareDatabase(server, server.secrets, template, migrations, () => {})
  await admin.client.query(`alter database ${template} with is_template true allow_connections false`)
  return { port: server.port, secrets: server.secrets, template }
}

/** A copy of the template, dropped on dispose with whatever is still connected to it. */
export async function cloneDatabase({
  port,
  secrets,
  template,
}: SharedServer): Promise<AsyncDisposable & { database: string }> {
  const database = `test_${randomUUID().replaceAll('-', '')}`
  const run = async (sql: string): Promise<void> => {
    await using admin = await connect(databaseUrl(port, secrets, 'supabase_admin'))
    await admin.client.query(sql)
  }
  await run(`create database ${database} template ${template} owner postgres strategy file_copy`)
  return { database, [Symbol.asyncDispose]: () => run(`drop database if exists ${database} with (force)`) }
}
