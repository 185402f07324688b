import type pg from 'pg'
import type { Role } from './policy-matrix.ts'

/** What came of a statement: rows, or the SQLSTATE and hint of the refusal. */
export type Outcome =
  | { ok: true; rows: Record<string, unknown>[]; count: number }
  | { ok: false; code: string; hint: string | undefined; message: string }

/** Somebody who calls the database: a role and, signed in, a user. */
export interface Actor {
  role: Role
  userId?: string
}

/**
 * Runs one statement as PostgREST would for this actor, and takes back what it did. `client` is logged in as the database's owner;
 * `inspect` looks at what the statement did, as the owner, before it is taken back.
 */
export async function actAs(
  client: pg.ClientBase,
  actor: Actor,
  text: string,
  values: unknown[] = [],
  inspect?: () => Promise<void>,
): Promise<Outcome> {
  await client.query('begin')
  try {
    await client.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
      actor.role,
      JSON.stringify({ role: actor.role, ...(actor.userId ? { sub: actor.userId } : {}) }),
    ])
    const { rows, rowCount } = await client.query<Record<string, unknown>>(text, values)
    await client.query(`select set_config('role', 'none', true)`)
    await inspect?.()
    return { ok: true, rows, count: rowCount ?? 0 }
  } catch (error) {
    const { code = 'unknown', hint, message } = error as { code?: string; hint?: string; message: string }
    return { ok: false, code, hint, message }
  } finally {
    await client.query('rollback')
  }
}

/** SQLSTATE of a privilege or a policy that is missing. */
export const refused = '42501'
