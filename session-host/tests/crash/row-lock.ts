import pg from 'pg'

/** Rows that are held so that whoever writes them waits: how a test stops a host at a step of its own choice, from outside. */
export interface RowLock {
  /** Resolves when a statement of a host that fits waits for these rows. */
  blocks(statement: RegExp): Promise<void>
  /**
   * To be called when the host is dead. `abort` ends what waits, so that it never happened; `commit` lets it through, as when the host
   * died while its statement was on the way. Resolves when nothing of it is left.
   */
  release(outcome: 'abort' | 'commit'): Promise<void>
}

const pollMs = 15

/** Runs statements that lock, and holds what they lock until `release`. */
export async function holdRows(url: string, statements: { text: string; values?: unknown[] }[]): Promise<RowLock> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('begin')
  for (const { text, values } of statements) {
    const { command, rowCount } = await client.query(text, values ?? [])
    if (command === 'SELECT' && !rowCount) throw new Error(`nothing to hold: ${text}`)
  }
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const holder = rows[0]?.pid

  /** The activity as it is now: a transaction sees it as it first looked otherwise. */
  async function activity<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    await client.query('select pg_stat_clear_snapshot()')
    return (await client.query<Row>(text, values)).rows
  }
  function waiting(): Promise<{ pid: number; query: string }[]> {
    return activity(
      `select pid, query from pg_stat_activity
         where datname = current_database() and application_name = 'session-host' and $1 = any(pg_blocking_pids(pid))`,
      [holder],
    )
  }

  return {
    async blocks(statement) {
      while (!(await waiting()).some(({ query }) => statement.test(query)))
        await new Promise((resolve) => setTimeout(resolve, pollMs))
    },
    async release(outcome) {
      const pids = (await waiting()).map(({ pid }) => pid)
      if (outcome === 'abort') await client.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [pids])
      await client.query('rollback')
      for (;;) {
        const left = await activity(
          `select 1 from pg_stat_activity where pid = any($1) and state in ('active', 'idle in transaction')`,
          [pids],
        )
        if (left.length === 0) break
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
      await client.end()
    },
  }
}
