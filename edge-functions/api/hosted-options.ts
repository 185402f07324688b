import { createTokenVerifier, type TokenVerification } from '#shared/tokens.ts'
import type { AppOptions } from './app.ts'

/** Reads a variable of the environment. */
type Read = (name: string) => string | undefined

/**
 * The app's options from the environment of a Supabase function. The platform sets SUPABASE_URL and the keys; JWT_SECRET (a project
 * with the legacy secret), SUPABASE_JWKS_URL and CORS_ORIGINS (comma-separated) are secrets of the function. Throws an Error
 * that names every variable that is missing or wrong.
 */
export function hostedOptions(read: Read): AppOptions {
  const supabaseUrl = (read('SUPABASE_URL') ?? '').replace(/\/+$/, '')
  const publishableKey = publishableKeyOf(read)
  const problems = [
    URL.canParse(supabaseUrl) ? null : 'SUPABASE_URL must be the URL of the project',
    publishableKey ? null : 'SUPABASE_PUBLISHABLE_KEY (or SUPABASE_PUBLISHABLE_KEYS, or SUPABASE_ANON_KEY) is missing',
  ].filter((problem) => problem !== null)
  if (problems.length > 0 || !publishableKey) throw new Error(`The function api cannot start: ${problems.join('; ')}.`)
  return {
    supabaseUrl,
    publishableKey,
    verifyToken: createTokenVerifier(verification(read, supabaseUrl)),
    corsOrigins: (read('CORS_ORIGINS') ?? '')
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  }
}

/** Exactly one of the two modes: the legacy secret when there is one, else the project's signing keys. */
function verification(read: Read, supabaseUrl: string): TokenVerification {
  const issuer = `${supabaseUrl}/auth/v1`
  const secret = read('JWT_SECRET')
  if (secret) return { issuer, secret }
  return { issuer, jwksUrl: read('SUPABASE_JWKS_URL') || `${issuer}/.well-known/jwks.json` }
}

/** The platform gives the new keys as JSON, `{"default": "sb_publishable_…"}`, and the legacy one beside it. */
function publishableKeyOf(read: Read): string | undefined {
  return read('SUPABASE_PUBLISHABLE_KEY') || defaultKey(read('SUPABASE_PUBLISHABLE_KEYS')) || read('SUPABASE_ANON_KEY')
}

function defaultKey(json: string | undefined): string | undefined {
  if (!json) return undefined
  try {
    const keys: unknown = JSON.parse(json)
    const key: unknown = typeof keys === 'object' && keys !== null ? Reflect.get(keys, 'default') : undefined
    return typeof key === 'string' ? key : undefined
  } catch {
    return undefined
  }
}
