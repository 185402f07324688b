import pg from 'pg'

/** The database from a test's side, as its owner. */
export interface DatabaseWatch extends AsyncDisposable {
  query<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** Asks again after every notification of a host, until the rows fit; returns them. */
  until<Row extends object = Record<string, unknown>>(
    text: string,
    values: unknown[],
    fits: (rows: Row[]) => boolean,
  ): Promise<Row[]>
}

/** Long, because it is only how long a failing test waits. */
const patienceMs = 90_000
/** Rows that nobody announces (keys, the inbox) are looked at this often as well. */
const unannouncedMs = 250

/** @see DatabaseWatch */
export async function createDatabaseWatch(url: string): Promise<DatabaseWatch> {
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  pool.on('error', () => undefined)
  const listener = new pg.Client({ connectionString: url })
  listener.on('error', () => undefined)
  await listener.connect()
  const waiting = new Set<() => void>()
  listener.on('notification', () => {
    for (const check of waiting) check()
  })
  await listener.query('listen session_events')
  await listener.query('listen session_wake')
  const clock = setInterval(() => {
    for (const check of waiting) check()
  }, unannouncedMs)

  async function query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await pool.query<Row>(text, values)).rows
  }
  return {
    query,
    async until<Row extends object>(text: string, values: unknown[], fits: (rows: Row[]) => boolean) {
      const deadline = performance.now() + patienceMs
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        const rows = await query<Row>(text, values)
        if (fits(rows)) {
          waiting.delete(resolve)
          return rows
        }
        if (performance.now() > deadline) throw new Error(`never so: ${text}\n${JSON.stringify(rows, null, 1)}`)
        await promise
        waiting.delete(resolve)
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(clock)
      await listener.end()
      await pool.end()
    },
  }
}
