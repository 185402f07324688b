import pg from 'pg'
import type { Caller } from '../caller.ts'

/** Transactions on the tables of Storage, as somebody. */
export interface Access extends AsyncDisposable {
  /** As the caller, under the policies. `operation` is what policies read by storage.operation(). */
  as<T>(caller: Caller, operation: string, work: (client: pg.ClientBase) => Promise<T>): Promise<T>
  /** As the caller, and rolled back: to learn whether the policies would let it happen. */
  probe(caller: Caller, operation: string, work: (client: pg.ClientBase) => Promise<unknown>): Promise<void>
  /** As the owner of the tables, whom no policy holds. */
  asOwner<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T>
}

const owner: Caller = { role: 'supabase_storage_admin', claims: {}, secret: true }

/** `databaseUrl` logs in as `postgres`, which may become the other roles. */
export function createAccess(databaseUrl: string): Access {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8, allowExitOnIdle: true })
  pool.on('error', () => {}) // an idle connection was closed; the next request opens another

  return {
    as: (caller, operation, work) => transaction(caller, operation, 'commit', work),
    probe: async (caller, operation, work) => {
      await transaction(caller, operation, 'rollback', work)
    },
    asOwner: (work) => transaction(owner, '', 'commit', work),
    [Symbol.asyncDispose]: () => pool.end(),
  }

  async function transaction<T>(
    caller: Caller,
    operation: string,
    end: 'commit' | 'rollback',
    work: (client: pg.ClientBase) => Promise<T>,
  ): Promise<T> {
    const client = await pool.connect()
    let broken = true
    try {
      await client.query('begin')
      try {
        await become(client, caller, operation)
        const result = await work(client)
        await client.query(end)
        broken = false
        return result
      } catch (error) {
        await client.query('rollback')
        broken = false
        throw error
      }
    } finally {
      client.release(broken)
    }
  }
}

async function become(client: pg.ClientBase, caller: Caller, operation: string): Promise<void> {
  const subject = caller.claims['sub']
  const settings = {
    statement_timeout: '30s',
    'storage.operation': operation,
    'request.jwt.claims': JSON.stringify(caller.claims),
    'request.jwt.claim.sub': typeof subject === 'string' ? subject : '',
    'request.jwt.claim.role': caller.role,
    role: caller.role,
  }
  const names = Object.keys(settings)
  await client.query(
    `select ${names.map((name, n) => `set_config('${name}', $${n + 1}, true)`).join(', ')}`,
    Object.values(settings),
  )
}
