import { createMiddleware } from 'hono/factory'
import { bearerToken, type VerifyToken } from '#shared/tokens.ts'
import type { ApiEnv } from './api-env.ts'
import { createUserDatabase } from './user-database.ts'

interface AuthenticationOptions {
  verifyToken: VerifyToken
  supabaseUrl: string
  publishableKey: string
}

/**
 * Middleware of a route that needs a user: verifies the bearer token, then binds the data to it, so that a handler cannot reach
 * anybody else's. Fails with missing_token, invalid_token or expired_token (401, with the challenge of RFC 6750) or unavailable.
 */
export function createAuthentication({ verifyToken, supabaseUrl, publishableKey }: AuthenticationOptions) {
  return createMiddleware<ApiEnv>(async (c, next) => {
    const header = c.req.header('authorization')
    const token = bearerToken(header)
    // A header in another form is a bad token, not a missing one.
    const caller = await verifyToken(token ?? (header ? 'malformed' : null))
    c.set('caller', caller)
    c.set('database', createUserDatabase({ supabaseUrl, publishableKey, token: token ?? '', signal: c.req.raw.signal }))
    await next()
  })
}
