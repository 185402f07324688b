import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { z } from 'zod'
import type { Caller } from '../caller.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { AuthError } from './auth-error.ts'
import { type Issuer, tokenLifetime } from './create-issuer.ts'
import { createSessions, type Session, type Sessions } from './sessions.ts'
import { userJson, type UserRow } from './user.ts'

export interface AuthOptions {
  /** Logs in as `supabase_auth_admin`. */
  databaseUrl: string
  issuer: Issuer
  /** 10 as on the platform; tests take less. */
  bcryptCost: number
  /** Takes what goes wrong inside. */
  log: (line: string) => void
}

export interface Auth extends AsyncDisposable {
  /** Answers a request for `/auth/v1/<path>`. `caller` is who its API key speaks for. */
  fetch(request: Request, path: string, caller: Caller): Promise<Response>
  accounts: Accounts
}

const Metadata = z.record(z.string(), z.unknown())
const Credentials = z.object({ email: z.string(), password: z.string(), data: Metadata.nullish() })
const Refresh = z.object({ refresh_token: z.string() })
const OwnChange = z.object({ email: z.string().optional(), password: z.string().optional(), data: Metadata.optional() })
const AdminChange = z.object({
  email: z.string().optional(),
  password: z.string().optional(),
  user_metadata: Metadata.optional(),
  app_metadata: Metadata.optional(),
  email_confirm: z.boolean().optional(),
  ban_duration: z
    .string()
    .regex(/^(none|(\d+(ns|us|ms|s|m|h))+)$/)
    .optional(),
})
const AdminCreate = AdminChange.extend({ id: z.uuid().optional(), email: z.string() })

/**
 * A development issuer with the interface of Supabase Auth (https://github.com/supabase/auth/blob/master/openapi.yaml):
 * sign-up without confirmation mails, password sign-in, refresh with rotation, user, logout, and the administrator's users.
 * Left out, with a clear refusal: mails, OAuth, one-time passwords, factors, SSO, anonymous users.
 */
export function createAuth({ databaseUrl, issuer, bcryptCost, log }: AuthOptions): Auth {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 })
  pool.on('error', () => {})
  const accounts = createAccounts(pool, bcryptCost)
  const sessions = createSessions(pool)

  return {
    accounts,
    async fetch(request, path, caller) {
      try {
        return await route(request, path, caller, { accounts, sessions, issuer })
      } catch (error) {
        if (error instanceof AuthError) return error.toResponse(request)
        log(`auth: ${(error as Error).message}`)
        return new AuthError(
          500,
          'unexpected_failure',
          'Unexpected failure, please check server logs for more information',
        ).toResponse(request)
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

interface Parts {
  accounts: Accounts
  sessions: Sessions
  issuer: Issuer
}

async function route(request: Request, path: string, caller: Caller, parts: Parts): Promise<Response> {
  const url = new URL(request.url)
  switch (`${request.method} ${path}`) {
    case 'GET health':
      return Response.json({
        version: 'embedded',
        name: 'GoTrue',
        description: 'The embedded development issuer, with the interface of Supabase Auth',
      })
    case 'GET settings':
      return Response.json({
        external: { email: true, phone: false, anonymous_users: false },
        disable_signup: false,
        mailer_autoconfirm: true,
        phone_autoconfirm: false,
        saml_enabled: false,
      })
    case 'POST signup':
      return signUp(request, parts)
    case 'POST token':
      return token(request, url.searchParams.get('grant_type'), parts)
    case 'GET user':
      return Response.json(userJson((await signedIn(request, parts)).user))
    case 'PUT user':
      return changeSelf(request, parts)
    case 'POST logout':
      return logout(request, url.searchParams.get('scope') ?? 'global', parts)
    default:
      if (path === 'admin/users' || path.startsWith('admin/users/'))
        return adminUsers(request, url, path.slice('admin/users/'.length), caller, parts.accounts)
      throw new AuthError(404, 'not_implemented', `The embedded issuer has no ${request.method} /auth/v1/${path}`)
  }
}

async function signUp(request: Request, { accounts, sessions, issuer }: Parts): Promise<Response> {
  const { email, password, data } = await body(request, Credentials)
  const account = { email, password, confirmed: true, userMetadata: data ?? {}, appMetadata: {} }
  const created = await accounts.create(account).catch((error: unknown) => {
    if (error instanceof AuthError && error.code === 'email_exists') {
      throw new AuthError(422, 'user_already_exists', 'User already registered')
    }
    throw error
  })
  const session = await sessions.start(created.id, request.headers.get('user-agent'))
  return tokenResponse((await accounts.find(created.id)) ?? created, session, issuer)
}

async function token(request: Request, grant: string | null, { accounts, sessions, issuer }: Parts): Promise<Response> {
  if (grant === 'password') {
    const { email, password } = await body(request, Credentials)
    const user = await accounts.authenticate(email, password)
    if (!user) throw new AuthError(400, 'invalid_credentials', 'Invalid login credentials')
    refuseBanned(user)
    const session = await sessions.start(user.id, request.headers.get('user-agent'))
    return tokenResponse((await accounts.find(user.id)) ?? user, session, issuer)
  }
  if (grant === 'refresh_token') {
    const { refresh_token: refreshToken } = await body(request, Refresh)
    const session = await sessions.refresh(refreshToken)
    const user = await accounts.find(session.userId)
    if (!user) throw new AuthError(400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found')
    refuseBanned(user)
    return tokenResponse(user, session, issuer)
  }
  throw new AuthError(400, 'invalid_credentials', 'unsupported_grant_type')
}

async function tokenResponse(user: UserRow, session: Session, issuer: Issuer): Promise<Response> {
  const now = Math.floor(Date.now() / 1000)
  const accessToken = await issuer.sign({
    sub: user.id,
    email: user.email,
    phone: user.phone ?? '',
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    role: user.role,
    aal: 'aal1',
    amr: [{ method: 'password', timestamp: Math.floor(session.signedInAt.getTime() / 1000) }],
    session_id: session.id,
    is_anonymous: user.is_anonymous,
  })
  return Response.json({
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: tokenLifetime,
    expires_at: now + tokenLifetime,
    refresh_token: session.refreshToken,
    user: userJson(user),
  })
}

async function changeSelf(request: Request, parts: Parts): Promise<Response> {
  const { user, sessionId } = await signedIn(request, parts)
  const { email, password, data } = await body(request, OwnChange)
  const changed = await parts.accounts.change(user.id, { email, password, userMetadata: data })
  if (password !== undefined) await parts.sessions.end('others', sessionId, user.id)
  return Response.json(userJson(changed ?? user))
}

async function logout(request: Request, scope: string, parts: Parts): Promise<Response> {
  if (scope !== 'local' && scope !== 'global' && scope !== 'others') {
    throw new AuthError(400, 'validation_failed', `Unsupported logout scope "${scope}"`)
  }
  const { user, sessionId } = await signedIn(request, parts)
  await parts.sessions.end(scope, sessionId, user.id)
  return new Response(null, { status: 204 })
}

/** The user of the bearer token, whose session must still be there. */
async function signedIn(
  request: Request,
  { issuer, accounts, sessions }: Parts,
): Promise<{ user: UserRow; sessionId: string }> {
  const bearer = /^bearer\s+(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (bearer === undefined) throw new AuthError(401, 'no_authorization', 'This endpoint requires a valid Bearer token')
  const claims = await issuer.verify(bearer).catch(() => {
    throw new AuthError(403, 'bad_jwt', 'invalid JWT: unable to parse or verify signature, or the token has expired')
  })
  const sessionId = typeof claims['session_id'] === 'string' ? claims['session_id'] : ''
  if (!uuid.test(sessionId) || !(await sessions.exists(sessionId))) {
    throw new AuthError(403, 'session_not_found', 'Session from session_id claim in JWT does not exist')
  }
  const user = uuid.test(claims.sub ?? '') ? await accounts.find(claims.sub ?? '') : undefined
  if (!user) throw new AuthError(403, 'user_not_found', 'User from sub claim in JWT does not exist')
  return { user, sessionId }
}

async function adminUsers(
  request: Request,
  url: URL,
  id: string,
  caller: Caller,
  accounts: Accounts,
): Promise<Response> {
  if (caller.role !== 'service_role') throw new AuthError(403, 'not_admin', 'User not allowed')
  if (id !== '' && !uuid.test(id)) throw new AuthError(404, 'validation_failed', 'user_id must be an UUID')
  switch (`${request.method} ${id === '' ? 'all' : 'one'}`) {
    case 'GET all':
      return listUsers(url, accounts)
    case 'POST all': {
      const asked = await body(request, AdminCreate)
      const created = await accounts.create({
        id: asked.id,
        email: asked.email,
        password: asked.password ?? randomBytes(24).toString('base64url'),
        confirmed: asked.email_confirm ?? false,
        userMetadata: asked.user_metadata ?? {},
        appMetadata: asked.app_metadata ?? {},
      })
      return Response.json(userJson(created))
    }
    case 'GET one':
      return Response.json(userJson((await accounts.find(id)) ?? noUser()))
    case 'PUT one': {
      const change = await body(request, AdminChange)
      const changed = await accounts.change(id, {
        email: change.email,
        password: change.password,
        userMetadata: change.user_metadata,
        appMetadata: change.app_metadata,
        confirmed: change.email_confirm,
        bannedFor: change.ban_duration,
      })
      return Response.json(userJson(changed ?? noUser()))
    }
    case 'DELETE one':
      return (await accounts.remove(id)) ? Response.json({}) : noUser()
    default:
      throw new AuthError(405, 'validation_failed', `Unsupported method ${request.method}`)
  }
}

async function listUsers(url: URL, accounts: Accounts): Promise<Response> {
  const page = Math.max(1, Number(url.searchParams.get('page') ?? 1) || 1)
  const perPage = Math.min(1000, Math.max(1, Number(url.searchParams.get('per_page') ?? 50) || 50))
  const { users, total } = await accounts.list(page, perPage)
  const last = Math.max(1, Math.ceil(total / perPage))
  const link = (to: number, rel: string): string =>
    `<${url.origin}/auth/v1/admin/users?page=${to}&per_page=${perPage}>; rel="${rel}"`
  return Response.json(
    { users: users.map(userJson), aud: 'authenticated' },
    {
      headers: {
        'x-total-count': String(total),
        link: [...(page < last ? [link(page + 1, 'next')] : []), link(last, 'last')].join(', '),
      },
    },
  )
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

async function body<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.infer<Schema>> {
  const text = await request.text()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new AuthError(400, 'bad_json', 'Could not parse request body as JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AuthError(400, 'validation_failed', `${issue?.path.join('.') ?? 'body'}: ${issue?.message ?? 'invalid'}`)
}

function refuseBanned(user: UserRow): void {
  if (user.banned_until !== null && user.banned_until > new Date())
    throw new AuthError(400, 'user_banned', 'User is banned')
}

function noUser(): never {
  throw new AuthError(404, 'user_not_found', 'User not found')
}
