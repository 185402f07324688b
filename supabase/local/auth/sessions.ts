import { randomBytes, randomUUID } from 'node:crypto'
import type pg from 'pg'
import { AuthError } from './auth-error.ts'

export interface Session {
  id: string
  userId: string
  refreshToken: string
  /** When the user signed in, for the `amr` claim. */
  signedInAt: Date
}

export interface Sessions {
  start(userId: string, userAgent: string | null): Promise<Session>
  /** Exchanges a refresh token for the next one. Throws `refresh_token_not_found` or `refresh_token_already_used`. */
  refresh(refreshToken: string): Promise<Session>
  exists(id: string): Promise<boolean>
  /** Ends this session, all of the user's, or all of the user's others. */
  end(scope: 'local' | 'global' | 'others', sessionId: string, userId: string): Promise<void>
}

/** Seconds in which a used refresh token still gives the token that replaced it: two tabs may refresh at once. */
const reuseInterval = 10

/** `auth.sessions` and `auth.refresh_tokens`, with rotation and reuse detection as in Supabase Auth. */
export function createSessions(pool: pg.Pool): Sessions {
  return {
    async start(userId, userAgent) {
      const id = randomUUID()
      const refreshToken = newToken()
      const { rows } = await pool.query<{ created_at: Date }>(
        `with session as (
           insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent) values ($1, $2, now(), now(), 'aal1', $3) returning id, created_at
         ), token as (
           insert into auth.refresh_tokens (token, user_id, session_id, revoked, created_at, updated_at) select $4, $2::text, id, false, now(), now() from session
         ), signed_in as (
           update auth.users set last_sign_in_at = now(), updated_at = now() where id = $2::uuid
         )
         select created_at from session`,
        [id, userId, userAgent, refreshToken],
      )
      return { id, userId, refreshToken, signedInAt: rows[0]?.created_at ?? new Date() }
    },
    async refresh(refreshToken) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const outcome = await rotate(client, refreshToken)
        await client.query('commit') // a detected reuse has revoked the session: that must stay
        if (outcome instanceof AuthError) throw outcome
        return outcome
      } catch (error) {
        if (!(error instanceof AuthError)) await client.query('rollback').catch(() => {})
        throw error
      } finally {
        client.release()
      }
    },
    async exists(id) {
      return (await pool.query('select from auth.sessions where id = $1', [id])).rowCount === 1
    },
    async end(scope, sessionId, userId) {
      const which = { local: 'id = $1', global: 'user_id = $2', others: 'user_id = $2 and id <> $1' }[scope]
      await pool.query(`delete from auth.sessions where ${which} and $1::uuid is not null and $2::uuid is not null`, [
        sessionId,
        userId,
      ])
    },
  }
}

interface TokenRow {
  token: string
  parent: string | null
  revoked: boolean
  recent: boolean
  session_id: string
  user_id: string
  signed_in_at: Date
}

async function rotate(client: pg.PoolClient, refreshToken: string): Promise<Session | AuthError> {
  const found = await client.query<TokenRow>(
    `select t.token, t.parent, t.revoked, t.updated_at > now() - make_interval(secs => $2) as recent, t.session_id, t.user_id, s.created_at as signed_in_at
     from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id where t.token = $1 for update of s`,
    [refreshToken, reuseInterval],
  )
  const [row] = found.rows
  if (!row) return new AuthError(400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found')
  const session = { id: row.session_id, userId: row.user_id, signedInAt: row.signed_in_at }
  const { rows: active } = await client.query<{ token: string; parent: string | null }>(
    'select token, parent from auth.refresh_tokens where session_id = $1 and not revoked order by id desc limit 1',
    [row.session_id],
  )
  const current = active[0]
  if (current && current.token !== row.token) {
    // The token was used before. Its direct successor, or any within the interval, answers a client that lost the answer.
    if (current.parent === row.token || row.recent) return { ...session, refreshToken: current.token }
    await client.query('update auth.refresh_tokens set revoked = true, updated_at = now() where session_id = $1', [
      row.session_id,
    ])
  }
  if (current?.token !== row.token)
    return new AuthError(400, 'refresh_token_already_used', 'Invalid Refresh Token: Already Used')
  const next = newToken()
  await client.query('update auth.refresh_tokens set revoked = true, updated_at = now() where token = $1', [row.token])
  await client.query(
    'insert into auth.refresh_tokens (token, user_id, session_id, revoked, parent, created_at, updated_at) values ($1, $2, $3, false, $4, now(), now())',
    [next, row.user_id, row.session_id, row.token],
  )
  await client.query('update auth.sessions set refreshed_at = now(), updated_at = now() where id = $1', [
    row.session_id,
  ])
  return { ...session, refreshToken: next }
}

function newToken(): string {
  return randomBytes(15).toString('base64url')
}
