import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { PublicError } from './errors.ts'

/** Exactly one of the two modes: signing keys from a JWKS (ES256, RS256), or the legacy shared secret (HS256). */
export type TokenVerification = { issuer: string } & ({ jwksUrl: string } | { secret: string })

/** Who a verified token speaks for. */
export interface Caller {
  userId: string
  /** Epoch seconds at which the token ends. */
  expiresAt: number
}

/** Verifies an access token of Supabase Auth. Fails with missing_token, expired_token, invalid_token or unavailable. */
export type VerifyToken = (token: string | null | undefined) => Promise<Caller>

/**
 * Makes the verifier that edge functions and sockets share. Algorithm, issuer, audience (`authenticated`) and role are pinned, so a
 * token of another kind, of another project, or signed with the public key as an HMAC secret is refused.
 */
export function createTokenVerifier(options: TokenVerification): VerifyToken {
  const [key, algorithms] = keyOf(options)
  return async (token) => {
    if (!token) throw new PublicError('missing_token')
    let payload: JWTPayload
    try {
      const checks = { algorithms, issuer: options.issuer, audience: 'authenticated', requiredClaims: ['sub', 'exp'] }
      payload = (typeof key === 'function' ? await jwtVerify(token, key, checks) : await jwtVerify(token, key, checks))
        .payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new PublicError('expired_token', { cause: error })
      if (isOutage(error)) throw new PublicError('unavailable', { detail: 'JWKS unreachable', cause: error })
      throw new PublicError('invalid_token', { cause: error })
    }
    if (payload['role'] !== 'authenticated' || !isUuid(payload.sub) || payload.exp === undefined)
      throw new PublicError('invalid_token', { detail: 'role or subject' })
    return { userId: payload.sub, expiresAt: payload.exp }
  }
}

function keyOf(options: TokenVerification): [JWTVerifyGetKey | Uint8Array, string[]] {
  if ('secret' in options) return [new TextEncoder().encode(options.secret), ['HS256']]
  return [createRemoteJWKSet(new URL(options.jwksUrl), { cooldownDuration: 5_000 }), ['ES256', 'RS256']]
}

/** The JWKS could not be had: not the token's fault. */
function isOutage(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout) return true
  return !(error instanceof errors.JOSEError) || error.message.startsWith('Expected 200 OK')
}

function isUuid(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

/** The token of an `Authorization: Bearer …` header, or null. */
export function bearerToken(header: string | null | undefined): string | null {
  return /^Bearer +([\w.~+/-]+=*)$/i.exec(header ?? '')?.[1] ?? null
}
