/** A row of `auth.users`, with its identities as JSON. */
export interface UserRow {
  id: string
  aud: string
  role: string
  email: string
  email_confirmed_at: Date | null
  phone: string | null
  last_sign_in_at: Date | null
  raw_app_meta_data: Record<string, unknown> | null
  raw_user_meta_data: Record<string, unknown> | null
  created_at: Date
  updated_at: Date
  banned_until: Date | null
  is_anonymous: boolean
  identities: unknown[]
}

export const userColumns = `
  u.id, u.aud, u.role, u.email, u.email_confirmed_at, u.phone, u.last_sign_in_at, u.raw_app_meta_data, u.raw_user_meta_data,
  u.created_at, u.updated_at, u.banned_until, u.is_anonymous,
  (select coalesce(json_agg(json_build_object(
      'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'identity_data', i.identity_data, 'provider', i.provider,
      'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at, 'updated_at', i.updated_at, 'email', i.email
    )), '[]') from auth.identities i where i.user_id = u.id) as identities`

/** A user as Supabase Auth shows it. */
export function userJson(row: UserRow): Record<string, unknown> & { id: string; email: string } {
  return {
    id: row.id,
    aud: row.aud,
    role: row.role,
    email: row.email,
    ...(row.email_confirmed_at === null
      ? {}
      : {
          email_confirmed_at: row.email_confirmed_at.toISOString(),
          confirmed_at: row.email_confirmed_at.toISOString(),
        }),
    phone: row.phone ?? '',
    ...(row.last_sign_in_at === null ? {} : { last_sign_in_at: row.last_sign_in_at.toISOString() }),
    app_metadata: row.raw_app_meta_data ?? {},
    user_metadata: row.raw_user_meta_data ?? {},
    identities: row.identities,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    ...(row.banned_until === null ? {} : { banned_until: row.banned_until.toISOString() }),
    is_anonymous: row.is_anonymous,
  }
}
