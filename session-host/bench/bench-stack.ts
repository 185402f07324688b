import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createStack, type Stack } from '../../supabase/local/create-stack.ts'
import { connect } from '../../supabase/local/postgres/bootstrap-database.ts'
import { databaseUrl } from '../../supabase/local/postgres/create-postgres-server.ts'
import { createDatabase, type Database } from '../store/database.ts'
import type { Lease } from '../store/fenced.ts'

/** The embedded Postgres with durable settings, in a folder of its own that goes with it. */
export interface BenchStack extends AsyncDisposable {
  stack: Stack
  /** Logged in as the superuser: loads data without triggers and checks. */
  loader: pg.Client
  /** What was measured on: what a reader needs to know of the server. */
  settings: Record<string, string>
}

/** @see BenchStack */
export async function createBenchStack(): Promise<BenchStack> {
  await using started = new AsyncDisposableStack()
  const stack = started.use(await createStack({ durable: true }))
  const { port } = new URL(stack.adminDatabaseUrl)
  const { client: loader } = started.use(await connect(databaseUrl(Number(port), stack.secrets, 'supabase_admin')))
  const { rows } = await loader.query<{ name: string; setting: string }>(
    `select name, current_setting(name) as setting from pg_settings
       where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers')`,
  )
  const running = started.move()
  return {
    stack,
    loader,
    settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** The host's pool, as host.ts makes it. */
export function createBenchPool(stack: Stack, maxConnections: number): Database {
  return createDatabase({
    url: stack.databaseUrl,
    maxConnections,
    onError: (error) => process.stderr.write(`${error.message}\n`),
  })
}

/** A connection that works as a signed-in user, as PostgREST's do. */
export async function connectAs(stack: Stack, userId: string): Promise<AsyncDisposable & { client: pg.Client }> {
  const connected = await connect(stack.adminDatabaseUrl)
  await connected.client.query(`select set_config('request.jwt.claims', $1, false)`, [
    JSON.stringify({ sub: userId, role: 'authenticated' }),
  ])
  await connected.client.query('set role authenticated')
  return connected
}

/** Makes users with a linked number each and one conversation a name in `people`; returns the leases that a host writes with. */
export async function createLinkedSessions(loader: pg.Client, count: number): Promise<Lease[]> {
  const holder = randomUUID()
  const { rows } = await loader.query<{ session_id: string; user_id: string }>(
    `with u as (
       insert into auth.users (id, email) select gen_random_uuid(), 'bench' || gen_random_uuid() || '@example.com' from generate_series(1, $1)
         returning id)
     insert into public.whatsapp_sessions (user_id, desired, status, phone, linked_at)
       select id, 'running', 'connected', '34' || lpad((row_number() over ())::text, 9, '6'), now() from u
       returning id as session_id, user_id`,
    [count],
  )
  await loader.query(
    `insert into private.session_leases (session_id, holder, epoch, expires_at)
       select id, $2, 1, now() + interval '1 day' from unnest($1::uuid[]) id`,
    [rows.map((row) => row.session_id), holder],
  )
  return rows.map((row) => ({ sessionId: row.session_id, userId: row.user_id, holder, epoch: 1 }))
}
