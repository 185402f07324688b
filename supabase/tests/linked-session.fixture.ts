import { randomBytes, randomUUID } from 'node:crypto'
import { createDatabase, type Database } from '../../session-host/store/database.ts'
import type { Lease } from '../../session-host/store/fenced.ts'
import { createLeaseStore } from '../../session-host/store/leases.ts'
import { connect } from '../local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../local/serve-database.ts'

/** A user with a linked number and the lease that a host writes with. */
export interface LinkedSession {
  userId: string
  sessionId: string
  lease: Lease
}

/** The host's pool on a test's database. */
export function hostDatabase(stack: ServedDatabase, maxConnections = 4): Database {
  return createDatabase({
    url: stack.databaseUrl,
    maxConnections,
    onError: (error) => process.stderr.write(`${error.message}\n`),
  })
}

/** Makes a user who asked for a link and got one; the lease lasts for the test. */
export async function createLinkedSession(
  stack: ServedDatabase,
  database: Database,
  { phone = randomPhone(), holder = randomUUID(), email = `${randomUUID()}@example.com` } = {},
): Promise<LinkedSession> {
  const { id: userId } = await stack.createUser({ email, password: randomBytes(12).toString('hex') })
  const sessionId = await asUser(database, userId, async (query) => {
    const [row] = await query<{ answer: { session_id: string } }>('select private.request_link() as answer')
    if (!row) throw new Error('request_link answered nothing')
    return row.answer.session_id
  })
  const lease = await createLeaseStore(database, { holder, seconds: 3_600 }).acquire({ id: sessionId, user_id: userId })
  if (!lease) throw new Error('the lease of a new session is taken')
  await database.query(
    `update public.whatsapp_sessions set status = 'connected', linked_at = now(), phone = $2 where id = $1`,
    [sessionId, phone],
  )
  return { userId, sessionId, lease }
}

/** Statements of one transaction with a user's claims, as the functions of the API see them. */
export function asUser<T>(
  database: Database,
  userId: string,
  work: (query: Database['query']) => Promise<T>,
): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query(`select set_config('request.jwt.claims', $1, true)`, [
      JSON.stringify({ sub: userId, role: 'authenticated' }),
    ])
    return await work((text, values) => transaction.query(text, values))
  })
}

/** Rows of a statement run as the database's owner, who sees everything. */
export async function readAll<Row extends object>(
  stack: ServedDatabase,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  await using owner = await connect(stack.adminDatabaseUrl)
  return (await owner.client.query<Row>(text, values)).rows
}

export function randomPhone(): string {
  return `346${String(Math.floor(Math.random() * 1e8)).padStart(8, '0')}`
}
