import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { LoginRole, Secrets } from '../secrets.ts'
import { databaseUrl } from './create-postgres-server.ts'

/**
 * Brings a database to the state of a new Supabase project (`bootstrap/*.sql`, in order) and gives the login roles their
 * passwords. Safe to repeat: it runs at every start, so that data from an older checkout gets what was added since.
 */
export async function bootstrapDatabase(port: number, secrets: Secrets, database: string): Promise<void> {
  await using admin = await connect(databaseUrl(port, secrets, 'supabase_admin', database))
  const folder = join(import.meta.dirname, 'bootstrap')
  for (const file of readdirSync(folder).toSorted()) {
    await admin.client.query(`begin; ${readFileSync(join(folder, file), 'utf8')}; commit`)
  }
  for (const role of ['postgres', 'authenticator', 'supabase_auth_admin'] as const) {
    await setPassword(admin.client, role, secrets)
  }
}

/** Lets the session-host's role log in, once a migration has made it. */
export async function enableHostLogin(port: number, secrets: Secrets, database: string): Promise<void> {
  await using admin = await connect(databaseUrl(port, secrets, 'supabase_admin', database))
  const { rowCount } = await admin.client.query(`select from pg_catalog.pg_roles where rolname = 'session_host'`)
  if (rowCount === 1) await setPassword(admin.client, 'session_host', secrets)
}

/** A connected client that closes at the end of its scope. */
export async function connect(url: string): Promise<AsyncDisposable & { client: pg.Client }> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

async function setPassword(client: pg.Client, role: LoginRole, secrets: Secrets): Promise<void> {
  await client.query(`alter role ${role} login password ${client.escapeLiteral(secrets.passwords[role])}`)
}
