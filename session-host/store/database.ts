import pg from 'pg'

/** Anything that runs a statement: the pool or a transaction. Rows come as plain objects. */
export interface Queryable {
  /** `name`: the statement is prepared under it, once a connection; for what is asked all the time. */
  query<Row extends object = Record<string, unknown>>(text: string, values?: unknown[], name?: string): Promise<Row[]>
}

/** A statement that must be part of a transaction asks for this type. */
export interface Transaction extends Queryable {
  readonly inTransaction: true
}

export interface Database extends Queryable, AsyncDisposable {
  /** Runs `work` in one transaction: commits what it returns, rolls back when it throws. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Calls back with the payload of every NOTIFY on the channel, and with null after a gap (a lost connection); reconnects by itself. */
  listen(channel: string, onNotify: (payload: string | null) => void): Promise<AsyncDisposable>
}

export interface DatabaseOptions {
  url: string
  /** Connections at most. */
  maxConnections: number
  /** The database gives a statement up after so long, in seconds; a few seconds later the host gives up a database that says nothing. */
  statementSeconds?: number
  onError: (error: Error) => void
}

/** int8 as number: every bigint here (seq, ordinal, epoch, command id) stays far below 2^53. */
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)

/** Opens the pool. Every connection works as the role session_host, also where the URL logs in as postgres. */
export function createDatabase({ url, maxConnections, statementSeconds = 30, onError }: DatabaseOptions): Database {
  const settings = {
    connectionString: url,
    types,
    connectionTimeoutMillis: 10_000,
    application_name: 'session-host',
    // A backend must not outlive its host's decision to give up: the lease runs out after 10 s.
    statement_timeout: statementSeconds * 1_000,
    idle_in_transaction_session_timeout: statementSeconds * 1_000,
    // A machine that is gone without a word, or a proxy that holds on to what is sent to it, answers nothing for ever; TCP alone would wait
    // a quarter of an hour. What was asked for may have been done all the same.
    query_timeout: (statementSeconds + 5) * 1_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  const pool = new pg.Pool({
    ...settings,
    max: maxConnections,
    idleTimeoutMillis: 30_000,
    // The pool waits for the hook before it hands the connection out; its types lag behind.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: assumeRole,
  })
  pool.on('error', onError)

  async function transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    // A connection that dies while it is out of the pool has nobody else to tell: unheard, its error would end the process.
    client.on('error', onError)
    let broken = true
    try {
      await client.query('begin')
      const result = await work({
        inTransaction: true,
        query: async <Row extends object>(text: string, values: unknown[] = [], name?: string) =>
          (await client.query<Row>({ text, values, ...(name ? { name } : {}) })).rows,
      })
      await client.query('commit')
      broken = false
      return result
    } catch (error) {
      // Behind a statement that is not answered a rollback would wait as long again.
      broken =
        isUnanswered(error) ||
        !(await client.query('rollback').then(
          () => true,
          () => false,
        ))
      throw error
    } finally {
      client.removeListener('error', onError)
      client.release(broken)
    }
  }

  return {
    query: async <Row extends object>(text: string, values: unknown[] = [], name?: string) =>
      (await pool.query<Row>({ text, values, ...(name ? { name } : {}) })).rows,
    transaction,
    listen: (channel, onNotify) => listen(settings, channel, onNotify, onError),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** pg's own error, when the database has said nothing within query_timeout. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout'
}

async function assumeRole(client: pg.ClientBase): Promise<void> {
  await client.query("select set_config('role', 'session_host', false) where current_user <> 'session_host'")
}

async function listen(
  settings: pg.ClientConfig,
  channel: string,
  onNotify: (payload: string | null) => void,
  onError: (error: Error) => void,
): Promise<AsyncDisposable> {
  let stopped = false
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined

  async function connect(): Promise<void> {
    const next = new pg.Client(settings)
    next.on('error', onError)
    next.on('notification', (message) => onNotify(message.payload ?? ''))
    next.on('end', () => {
      if (!stopped && client === next) retry()
    })
    try {
      await next.connect()
      await next.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      await next.end().catch(() => undefined)
      throw error
    }
    client = next
    if (stopped) return next.end()
    onNotify(null)
  }
  function retry(): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      connect().catch((error: unknown) => {
        onError(error as Error)
        if (!stopped) retry()
      })
    }, 500)
  }

  await connect()
  return {
    async [Symbol.asyncDispose]() {
      stopped = true
      clearTimeout(timer)
      await client?.end()
    },
  }
}
