import type { Database } from './database.ts'
import { isLeaseLost } from './fenced.ts'

/** What is told of each round trip. */
export interface DatabaseMeasures {
  done(kind: 'query' | 'transaction', seconds: number): void
  /** `sqlClass` is the first two characters of the SQLSTATE, or the driver's code. */
  failed(sqlClass: string): void
}

/** The same database, with its times and errors reported. */
export function measureDatabase(database: Database, measures: DatabaseMeasures): Database {
  async function timed<T>(kind: 'query' | 'transaction', task: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    try {
      return await task()
    } catch (error) {
      // A stale owner that is refused is the database at work; so is what private.fail raises.
      if (!isLeaseLost(error)) measures.failed(classOf(error))
      throw error
    } finally {
      measures.done(kind, (performance.now() - startedAt) / 1_000)
    }
  }
  return {
    query: <Row extends object>(text: string, values?: unknown[], name?: string) =>
      timed('query', () => database.query<Row>(text, values, name)),
    transaction: (work) => timed('transaction', () => database.transaction(work)),
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

function classOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return 'connection'
  return /^[0-9A-Z]{5}$/.test(code) ? code.slice(0, 2) : code
}
