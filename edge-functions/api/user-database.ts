import { createClient } from '@supabase/supabase-js'
import type { z } from '@hono/zod-openapi'
import type { Database } from '#shared/database.ts'
import { PublicError, toPublicError } from '#shared/errors.ts'

/** The data as one user may see it: SQL functions called with that user's own token. */
export interface UserDatabase {
  /** Calls a SQL function and checks what it answers. Fails with the function's own error, `invalid_token` or `unavailable`. */
  call<N extends keyof Functions, S extends z.ZodType>(
    name: N,
    args: Arguments<Functions[N]['Args']>,
    answer: S,
  ): Promise<z.output<S>>
  /** Addresses, good for an hour, of files in the caller's own folder; what can't be signed is left out. */
  signFiles(paths: string[]): Promise<Map<string, string>>
  /** An address that one file can be uploaded to, at this path of the caller's own folder. */
  signUpload(path: string): Promise<{ url: string; token: string }>
}

/** Seconds that an address of a file is good for. */
const fileSeconds = 3_600
const bucket = 'media'

type Functions = Database['public']['Functions']

/** The generated types know names and kinds of arguments; every one may be null, and a bigint may come as text. */
type Arguments<A> = { [K in keyof A]: A[K] | null | (number extends A[K] ? string : never) }

interface UserDatabaseOptions {
  supabaseUrl: string
  publishableKey: string
  /** The caller's access token: row-level security decides by it. */
  token: string
  /** Ends running calls when the caller has gone. */
  signal: AbortSignal
}

/** Milliseconds after which a call that has no answer counts as an outage. */
const callTimeoutMs = 10_000

/** Makes the client of one request. It holds nothing: no session, no refresh, no connection of its own. */
export function createUserDatabase({ supabaseUrl, publishableKey, token, signal }: UserDatabaseOptions): UserDatabase {
  const client = createClient<Database>(supabaseUrl, publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    db: { timeout: callTimeoutMs, retry: false },
    accessToken: () => Promise.resolve(token),
  })
  return {
    async call(name, args, answer) {
      const { data, error, status } = await client.rpc(name, args as Functions[typeof name]['Args']).abortSignal(signal)
      if (error) throw databaseError(error, status)
      const parsed = answer.safeParse(data)
      if (parsed.success) return parsed.data
      const paths = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ')
      throw new PublicError('internal', { detail: `unexpected answer of ${name}: ${paths}` })
    },
    async signFiles(paths) {
      const links = new Map<string, string>()
      if (paths.length === 0) return links
      const { data } = await client.storage.from(bucket).createSignedUrls(paths, fileSeconds)
      for (const { path, signedUrl, error } of data ?? []) if (path && signedUrl && !error) links.set(path, signedUrl)
      return links
    },
    async signUpload(path) {
      const { data, error } = await client.storage.from(bucket).createSignedUploadUrl(path)
      if (error) throw new PublicError('unavailable', { detail: `storage refused to sign: ${error.name}` })
      return { url: data.signedUrl, token: data.token }
    },
  }
}

/** Postgres classes that mean "not now": connection trouble, no resources, being stopped or too slow. */
const passing = /^(08|53|57)/
/** Postgres class of values that it cannot take: a character that no text holds, a date that does not exist. */
const badValue = /^22/

/**
 * An error of PostgREST (https://docs.postgrest.org/en/stable/references/errors.html) as one of the public table. Status 0 is
 * supabase-js's sign that no answer came; a 401 without a code comes from the gateway and is about our key, not the caller's
 * token. Only codes go into the detail: Postgres' messages quote values.
 */
export function databaseError(error: { code?: string; hint?: string | null }, status: number): PublicError {
  const known = toPublicError(error)
  if (known.code !== 'internal') return known
  const code = error.code ?? ''
  const detail = `rest answered ${status} ${code}`.trim()
  if (status === 401 && code !== '') return new PublicError('invalid_token', { detail })
  if (status === 429) return new PublicError('rate_limited', { detail })
  if (status === 0 || status >= 502 || passing.test(code)) return new PublicError('unavailable', { detail })
  if (badValue.test(code)) return new PublicError('invalid_request', { detail })
  return new PublicError('internal', { detail })
}
