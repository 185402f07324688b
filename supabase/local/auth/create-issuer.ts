import { createLocalJWKSet, importJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Secrets } from '../secrets.ts'

export interface Issuer {
  /** The `iss` of its tokens: `<url>/auth/v1`. */
  name: string
  /** The public keys, as served at `/.well-known/jwks.json`; none in HS256 mode. */
  jwks: { keys: JWK[] }
  /** Signs claims with the stack's key. `iss`, `aud`, `role`, `iat` and `exp` (one hour) are set where they are missing. */
  sign(claims: JWTPayload): Promise<string>
  /** Claims of a token of this issuer: right key and algorithm, issuer, audience, not expired. Throws jose's errors otherwise. */
  verify(token: string): Promise<JWTPayload>
  /** The role of a legacy API key, a token without user that the shared secret signs (`anon` or `service_role`). */
  legacyKeyRole(key: string): Promise<'anon' | 'service_role' | undefined>
  /** Signs whatever claims it is given as they are, for tests: an own key, algorithm or header. */
  mint(claims: JWTPayload, options?: MintOptions): Promise<string>
}

export interface MintOptions {
  /** Seconds from now until `exp`; negative for an expired token. Default 3600. */
  expiresIn?: number
  issuer?: string
  audience?: string
  /**
   * `ES256` is the issuer's own (in HS256 mode: `HS256`). `HS256` signs with `secret` – without one with the PEM-like text
   * of the public key, the classic confusion attack; `none` is unsigned; `foreign` is ES256 with a key of nobody's.
   */
  algorithm?: 'ES256' | 'HS256' | 'none' | 'foreign'
  secret?: string
}

/** Lifetime of an access token, in seconds. */
export const tokenLifetime = 3600

/** The development issuer: ES256 with a published key, or HS256 with a shared secret when one is given. */
export async function createIssuer(secrets: Secrets, url: string, hs256Secret: string | undefined): Promise<Issuer> {
  const name = `${url}/auth/v1`
  const { d: _private, ...publicKey } = secrets.signingKey
  const jwks = { keys: hs256Secret === undefined ? [{ ...publicKey, key_ops: ['verify'], ext: true }] : [] }
  const signingKey = await importJWK(secrets.signingKey, 'ES256')
  const sharedSecret = hs256Secret === undefined ? undefined : new TextEncoder().encode(hs256Secret)
  const keys = createLocalJWKSet(jwks)
  const own = sharedSecret
    ? ({ alg: 'HS256', typ: 'JWT' } as const)
    : { alg: 'ES256', typ: 'JWT', ...(publicKey.kid === undefined ? {} : { kid: publicKey.kid }) }

  return {
    name,
    jwks,
    sign: (claims) => new SignJWT(complete(claims, {})).setProtectedHeader(own).sign(sharedSecret ?? signingKey),
    async verify(token) {
      const expected = { issuer: name, audience: 'authenticated', requiredClaims: ['exp', 'sub', 'role'] }
      const { payload } = sharedSecret
        ? await jwtVerify(token, sharedSecret, { ...expected, algorithms: ['HS256'] })
        : await jwtVerify(token, keys, { ...expected, algorithms: ['ES256'] })
      return payload
    },
    async legacyKeyRole(key) {
      if (!sharedSecret) return undefined
      try {
        const { role } = (await jwtVerify<{ role?: unknown }>(key, sharedSecret, { algorithms: ['HS256'] })).payload
        return role === 'anon' || role === 'service_role' ? role : undefined
      } catch {
        return undefined
      }
    },
    async mint(claims, options = {}) {
      const payload = complete(claims, options)
      switch (options.algorithm) {
        case 'none':
          return `${base64({ alg: 'none', typ: 'JWT' })}.${base64(payload)}.`
        case 'HS256': {
          const secret = options.secret ?? hs256Secret ?? JSON.stringify(jwks.keys[0])
          return new SignJWT(payload)
            .setProtectedHeader({ ...own, alg: 'HS256' })
            .sign(new TextEncoder().encode(secret))
        }
        case 'foreign': {
          const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
            'sign',
            'verify',
          ])
          return new SignJWT(payload).setProtectedHeader({ ...own, alg: 'ES256' }).sign(privateKey)
        }
        case 'ES256':
          return new SignJWT(payload).setProtectedHeader({ ...own, alg: 'ES256' }).sign(signingKey)
        case undefined:
          return new SignJWT(payload).setProtectedHeader(own).sign(sharedSecret ?? signingKey)
        default:
          return options.algorithm satisfies never
      }
    },
  }

  function complete(claims: JWTPayload, { issuer, audience, expiresIn = tokenLifetime }: MintOptions): JWTPayload {
    const now = Math.floor(Date.now() / 1000)
    return {
      iss: issuer ?? name,
      aud: audience ?? 'authenticated',
      role: 'authenticated',
      iat: now,
      exp: now + expiresIn,
      ...claims,
    }
  }
}

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
