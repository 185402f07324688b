import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { AuthError } from './auth-error.ts'
import { type UserRow, userColumns } from './user.ts'

export interface NewAccount {
  id?: string | undefined
  email: string
  password: string
  confirmed: boolean
  userMetadata: Record<string, unknown>
  appMetadata: Record<string, unknown>
}

export interface AccountChange {
  email?: string | undefined
  password?: string | undefined
  userMetadata?: Record<string, unknown> | undefined
  appMetadata?: Record<string, unknown> | undefined
  confirmed?: boolean | undefined
  bannedFor?: string | undefined
}

export interface Accounts {
  create(account: NewAccount): Promise<UserRow>
  find(id: string): Promise<UserRow | undefined>
  /** The user whose email and password these are. */
  authenticate(email: string, password: string): Promise<UserRow | undefined>
  list(page: number, perPage: number): Promise<{ users: UserRow[]; total: number }>
  change(id: string, change: AccountChange): Promise<UserRow | undefined>
  remove(id: string): Promise<boolean>
}

/** `auth.users` and `auth.identities`. Passwords are kept as bcrypt hashes (pgcrypto) of the cost given. */
export function createAccounts(pool: pg.Pool, bcryptCost: number): Accounts {
  return {
    async create({ id = randomUUID(), email, password, confirmed, userMetadata, appMetadata }) {
      checkEmail(email)
      checkPassword(password)
      const address = email.toLowerCase()
      try {
        await pool.query(
          `with created as (
            insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
              raw_user_meta_data, created_at, updated_at)
            values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2,
              extensions.crypt($3, extensions.gen_salt('bf', $4)), case when $5 then now() end, $6, $7, now(), now())
            returning id
          )
          insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
          select id::text, id, jsonb_build_object('sub', id, 'email', $2::text, 'email_verified', $5::bool, 'phone_verified', false),
            'email', now(), now(), now()
          from created`,
          [
            id,
            address,
            password,
            bcryptCost,
            confirmed,
            { provider: 'email', providers: ['email'], ...appMetadata },
            userMetadata,
          ],
        )
      } catch (error) {
        throw asAuthError(error)
      }
      return (await this.find(id)) ?? raise()
    },
    async find(id) {
      const { rows } = await pool.query<UserRow>(
        `select ${userColumns} from auth.users u where u.id = $1 and u.deleted_at is null`,
        [id],
      )
      return rows[0]
    },
    async authenticate(email, password) {
      // An unknown address costs the same time as a wrong password.
      const { rows } = await pool.query<UserRow & { matches: boolean }>(
        `select ${userColumns}, true as matches from auth.users u
         where u.email = lower($1) and u.is_sso_user = false and u.deleted_at is null and u.encrypted_password = extensions.crypt($2, u.encrypted_password)`,
        [email, password],
      )
      if (rows.length === 0)
        await pool.query(`select extensions.crypt($1, extensions.gen_salt('bf', $2))`, [password, bcryptCost])
      return rows[0]
    },
    async list(page, perPage) {
      const { rows } = await pool.query<UserRow>(
        `select ${userColumns} from auth.users u where u.deleted_at is null order by u.created_at desc, u.id limit $1 offset $2`,
        [perPage, (page - 1) * perPage],
      )
      const { rows: counted } = await pool.query<{ total: number }>(
        'select count(*)::int as total from auth.users where deleted_at is null',
      )
      return { users: rows, total: counted[0]?.total ?? 0 }
    },
    async change(id, { email, password, userMetadata, appMetadata, confirmed, bannedFor }) {
      if (email !== undefined) checkEmail(email)
      if (password !== undefined) checkPassword(password)
      try {
        await pool.query(
          `update auth.users set
             email = coalesce(lower($2), email),
             encrypted_password = case when $3::text is null then encrypted_password else extensions.crypt($3, extensions.gen_salt('bf', $4)) end,
             raw_user_meta_data = jsonb_strip_nulls(coalesce(raw_user_meta_data, '{}') || coalesce($5::jsonb, '{}')),
             raw_app_meta_data = jsonb_strip_nulls(coalesce(raw_app_meta_data, '{}') || coalesce($6::jsonb, '{}')),
             email_confirmed_at = case when $7 then coalesce(email_confirmed_at, now()) else email_confirmed_at end,
             banned_until = case when $8::text is null then banned_until when $8 = 'none' then null else now() + $8::interval end,
             updated_at = now()
           where id = $1`,
          [
            id,
            email ?? null,
            password ?? null,
            bcryptCost,
            userMetadata ?? null,
            appMetadata ?? null,
            confirmed ?? false,
            bannedFor ?? null,
          ],
        )
      } catch (error) {
        throw asAuthError(error)
      }
      return this.find(id)
    },
    async remove(id) {
      return (await pool.query('delete from auth.users where id = $1', [id])).rowCount === 1
    },
  }
}

function checkEmail(email: string): void {
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) || email.length > 255) {
    throw new AuthError(400, 'validation_failed', 'Unable to validate email address: invalid format')
  }
}

function checkPassword(password: string): void {
  if (password.length < 6) {
    throw new AuthError(422, 'weak_password', 'Password should be at least 6 characters.', {
      weak_password: { reasons: ['length'] },
    })
  }
  if (Buffer.byteLength(password) > 72)
    throw new AuthError(400, 'validation_failed', 'Password cannot be longer than 72 characters')
}

function asAuthError(error: unknown): unknown {
  const { code, constraint } = error as { code?: string; constraint?: string }
  if (code !== '23505') return error
  return constraint === 'users_pkey'
    ? new AuthError(422, 'user_already_exists', 'A user with this id has already been registered')
    : new AuthError(422, 'email_exists', 'A user with this email address has already been registered')
}

function raise(): never {
  throw new AuthError(500, 'unexpected_failure', 'The user that was just made is gone')
}
