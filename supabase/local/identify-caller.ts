import type { Issuer } from './auth/create-issuer.ts'
import type { Caller } from './caller.ts'
import type { Secrets } from './secrets.ts'

/** Either who calls, or the answer that refuses the call. */
export type Identification = { caller: Caller; refusal?: never } | { refusal: Response; caller?: never }

/**
 * The role of an API key, as the platform's gateway decides it: `sb_publishable_…` is anon, `sb_secret_…` is service_role,
 * and in HS256 mode the legacy keys, tokens with those roles, count too. The key stands in `apikey` (header or URL).
 */
export async function identifyKey(request: Request, secrets: Secrets, issuer: Issuer): Promise<Identification> {
  const key = request.headers.get('apikey') ?? new URL(request.url).searchParams.get('apikey')
  if (key === null || key === '') {
    return refuse({
      message: 'No API key found in request',
      hint: 'No `apikey` request header or url param was found.',
    })
  }
  if (key === secrets.publishableKey) return { caller: { role: 'anon', claims: { role: 'anon' }, secret: false } }
  if (key === secrets.secretKey)
    return { caller: { role: 'service_role', claims: { role: 'service_role' }, secret: true } }
  const role = await issuer.legacyKeyRole(key)
  if (role !== undefined) return { caller: { role, claims: { role }, secret: role === 'service_role' } }
  return refuse({ message: 'Invalid API key', hint: 'Double check your API key: sb_publishable_… or sb_secret_…' })
}

/**
 * The user of the bearer token, for the parts that act as that user; the key's caller when there is no token, or when it is
 * the key again (older clients send it twice). A token that does not verify is refused with 401, as PostgREST does.
 */
export async function identifyUser(request: Request, keyHolder: Caller, issuer: Issuer): Promise<Identification> {
  const authorization = request.headers.get('authorization')
  if (authorization === null) return { caller: keyHolder }
  const bearer = /^bearer\s+(\S+)$/i.exec(authorization)?.[1]
  if (bearer === undefined)
    return refuse({ code: 'PGRST301', message: 'Authorization must be a bearer token', details: null, hint: null })
  if (bearer === request.headers.get('apikey')) return { caller: keyHolder }
  try {
    const claims = await issuer.verify(bearer)
    const role = claims['role']
    if (role === 'authenticated' || role === 'anon' || role === 'service_role') {
      return { caller: { role, claims, secret: keyHolder.secret } }
    }
    return refuse({ code: 'PGRST303', message: 'The role of the JWT is not allowed', details: null, hint: null })
  } catch (error) {
    const expired = (error as { code?: string }).code === 'ERR_JWT_EXPIRED'
    return refuse({
      code: expired ? 'PGRST303' : 'PGRST301',
      message: expired ? 'JWT expired' : "The JWT can't be verified",
      details: null,
      hint: null,
    })
  }
}

function refuse(body: Record<string, string | null>): Identification {
  return {
    refusal: Response.json(body, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }),
  }
}
