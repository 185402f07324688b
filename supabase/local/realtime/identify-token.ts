import type { Issuer } from '../auth/create-issuer.ts'
import type { Caller } from '../caller.ts'
import { JoinRefused } from './join-refused.ts'

export interface Bearer {
  caller: Caller
  /** Seconds since 1970; `undefined` for an API key, which does not expire. */
  expiresAt: number | undefined
}

/**
 * Who a channel speaks for: the user of its `access_token`; the holder of the connection's API key when it gives none, or a key
 * again (supabase-js does that while nobody is signed in). Throws `JoinRefused` with the platform's codes.
 */
export async function identifyToken(token: unknown, keyHolder: Caller, issuer: Issuer): Promise<Bearer> {
  if (typeof token !== 'string' || token.startsWith('sb_')) return { caller: keyHolder, expiresAt: undefined }
  const legacy = await issuer.legacyKeyRole(token)
  if (legacy !== undefined) {
    const claims = { role: legacy }
    return { caller: { role: legacy, claims, secret: legacy === 'service_role' }, expiresAt: undefined }
  }
  try {
    const claims = await issuer.verify(token)
    const { role, exp } = claims
    if (role !== 'authenticated' && role !== 'anon' && role !== 'service_role')
      throw new JoinRefused('InvalidJWTToken', 'The role of the JWT is not allowed')
    return { caller: { role, claims, secret: keyHolder.secret }, expiresAt: exp }
  } catch (error) {
    throw error instanceof JoinRefused ? error : refusal(error as JoseError)
  }
}

interface JoseError extends Error {
  code?: string
  payload?: { exp?: number }
}

function refusal({ code, payload }: JoseError): JoinRefused {
  if (code === 'ERR_JWT_EXPIRED') {
    const seconds = Math.max(0, Math.floor(Date.now() / 1000) - (payload?.exp ?? 0))
    return new JoinRefused('InvalidJWTToken', `Token has expired ${seconds} seconds ago`)
  }
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED')
    return new JoinRefused('InvalidJWTToken', 'Fields `role` and `exp` are required in JWT')
  if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' || code === 'ERR_JWKS_NO_MATCHING_KEY')
    return new JoinRefused('JwtSignatureError', 'Failed to validate JWT signature')
  return new JoinRefused('MalformedJWT', 'The token provided is not a valid JWT')
}
