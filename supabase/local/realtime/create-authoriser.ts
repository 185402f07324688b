import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Caller } from '../caller.ts'

export type Extension = 'broadcast' | 'presence'

/** What the policies of `realtime.messages` allow a caller on a private topic. */
export interface Authoriser extends AsyncDisposable {
  /** The extensions whose messages the caller may receive. */
  readable(topic: string, speaker: Speaker, extensions: Extension[]): Promise<Set<Extension>>
  /** The extensions whose messages the caller may send. */
  writable(topic: string, speaker: Speaker, extensions: Extension[]): Promise<Set<Extension>>
}

export interface Speaker {
  caller: Caller
  /** The `x-…` headers of the connection, which policies may read. */
  headers: Record<string, string>
}

/**
 * Asks the database, as the platform does: a row is written and looked for under the caller's role, claims and topic, and the
 * transaction is rolled back (https://supabase.com/docs/guides/realtime/authorization). `databaseUrl` logs in as `postgres`, which
 * may become the caller's role. Errors of a policy count as a refusal; a database that does not answer throws.
 */
export function createAuthoriser(databaseUrl: string): Authoriser {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4, allowExitOnIdle: true })
  pool.on('error', () => {}) // an idle connection was closed; the next question opens another

  return {
    readable: (topic, speaker, extensions) =>
      rolledBack(async (client) => {
        const probes = extensions.map((extension) => ({ extension, id: randomUUID() }))
        for (const { extension, id } of probes)
          await client.query('insert into realtime.messages (id, topic, extension) values ($1, $2, $3)', [
            id,
            topic,
            extension,
          ])
        await become(client, topic, speaker)
        const ids = probes.map(({ id }) => id)
        const { rows } = await client
          .query<{ id: string }>('select id from realtime.messages where id = any($1)', [ids])
          .catch(refuse)
        const seen = new Set(rows.map(({ id }) => id))
        return new Set(probes.filter(({ id }) => seen.has(id)).map(({ extension }) => extension))
      }),
    writable: (topic, speaker, extensions) =>
      rolledBack(async (client) => {
        await become(client, topic, speaker)
        const allowed = new Set<Extension>()
        for (const extension of extensions) {
          await client.query('savepoint probe')
          const insert = 'insert into realtime.messages (topic, extension) values ($1, $2)'
          const { rowCount } = await client.query(insert, [topic, extension]).catch(refuse)
          if (rowCount === 1) allowed.add(extension)
          await client.query('rollback to savepoint probe')
        }
        return allowed
      }),
    [Symbol.asyncDispose]: () => pool.end(),
  }

  async function rolledBack<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    let broken = true
    try {
      await client.query('begin')
      const result = await work(client)
      await client.query('rollback')
      broken = false
      return result
    } finally {
      client.release(broken)
    }
  }
}

async function become(client: pg.PoolClient, topic: string, { caller, headers }: Speaker): Promise<void> {
  const subject = typeof caller.claims['sub'] === 'string' ? caller.claims['sub'] : ''
  const settings = {
    statement_timeout: '5s',
    'realtime.topic': topic,
    'request.jwt.claims': JSON.stringify(caller.claims),
    'request.jwt.claim.sub': subject,
    'request.jwt.claim.role': caller.role,
    'request.headers': JSON.stringify(headers),
    role: caller.role,
  }
  const names = Object.keys(settings)
  await client.query(
    `select ${names.map((name, n) => `set_config('${name}', $${n + 1}, true)`).join(', ')}`,
    Object.values(settings),
  )
}

/** What the database itself refuses is a no; anything else (no connection) is not an answer. */
function refuse(error: unknown): { rows: []; rowCount: 0 } {
  if (error instanceof pg.DatabaseError) return { rows: [], rowCount: 0 }
  throw error
}
