import type pg from 'pg'
import type { Plan } from './plan-request.ts'
import { literal } from './sql-text.ts'

export interface Outcome {
  /** Rows found or written. */
  rows: number
  /** All rows that the filters allow, where a count was asked for. */
  total: number | undefined
  /** The JSON text of the answer; `null` when there is none. */
  body: string | null
}

/**
 * Runs a plan in one transaction as the caller: `settings` are the role, the claims and the request, local to it. The
 * answer is checked before the commit, so that a refused one leaves nothing behind.
 */
export async function runPlan(
  plan: Plan,
  settings: Record<string, string>,
  pool: pg.Pool,
  check: (outcome: Outcome) => void,
): Promise<Outcome> {
  const client = await pool.connect()
  let broken = false
  try {
    const local = Object.entries(settings).map(([key, value]) => `set_config(${literal(key)}, ${literal(value)}, true)`)
    await client.query(`begin ${plan.readOnly ? 'read only' : ''}; select ${local.join(', ')}`)
    const { rows } = await client.query<{ rows: number; total: number | null; body: string | null }>(
      statement(plan),
      plan.parameters,
    )
    const [row] = rows
    if (!row) throw new Error('the statement returned nothing')
    const outcome = { rows: row.rows, total: row.total ?? undefined, body: row.body }
    check(outcome)
    await client.query('commit')
    return outcome
  } catch (error) {
    await client.query('rollback').catch(() => (broken = true))
    throw error
  } finally {
    client.release(broken)
  }
}

/** One row that holds the answer as JSON text, made by the database: its types look as PostgREST's do. */
function statement({ written, sql, count, shape }: Plan): string {
  const total = count === undefined ? 'null::int' : `(select count(*)::int from (${count}) _all)`
  const bodies: Record<Plan['shape'], string> = {
    rows: `coalesce(json_agg(_rows), '[]')::text`,
    row: `coalesce(json_agg(_rows) -> 0, 'null')::text`,
    scalar: `coalesce(json_agg(_rows.result) -> 0, 'null')::text`,
    scalars: `coalesce(json_agg(_rows.result), '[]')::text`,
    none: 'null::text',
  }
  return `${written === undefined ? '' : `with _written as (${written}) `}select count(*)::int as rows, ${total} as total, ${bodies[shape]} as body from (${sql}) _rows`
}
