import { join } from 'node:path'
import type { JWTPayload } from 'jose'
import type { MintOptions } from './auth/create-issuer.ts'
import { createGateway } from './create-gateway.ts'
import { createParts, type Parts } from './create-parts.ts'
import { createFunctionHost, type FunctionHost } from './functions/create-function-host.ts'
import { databaseUrl } from './postgres/create-postgres-server.ts'
import type { Secrets } from './secrets.ts'

export interface FunctionsOptions {
  /** Each folder in it with an `index.ts` is a function. Default: `edge-functions`. */
  folder?: string
  /** Further environment of the functions. */
  environment?: Record<string, string>
  /** Start them now, not at the first request. */
  warm?: boolean
}

export interface ServeOptions {
  secrets: Secrets
  databasePort: number
  database: string
  /** Port of the gateway, 0 for any. */
  port: number
  bcryptCost: number
  functions: boolean | FunctionsOptions
  functionsCache: string
  /** Where the files of Storage are. */
  storageFolder: string
  /** Tokens are signed with this shared secret (HS256) instead of the stack's own ES256 key. */
  hs256Secret?: string | undefined
  /** Takes what a function writes and what the stack has to say. */
  log?: (line: string) => void
}

export interface ServedDatabase extends AsyncDisposable {
  /** Logs in as the host's own role, `session_host`. */
  databaseUrl: string
  /** Logs in as `postgres`, owner of what migrations make; not a superuser, as on the platform. */
  adminDatabaseUrl: string
  /** `http://127.0.0.1:<port>` */
  url: string
  publishableKey: string
  secretKey: string
  jwksUrl: string
  /** What `npm start` needs to know. */
  environment: Record<string, string>
  /** Makes a user whose email is confirmed, as the administrator. */
  createUser(user: { email: string; password: string; id?: string }): Promise<{ id: string; email: string }>
  /** Signs in with a password, through the gateway. Throws an error with GoTrue's code. */
  signIn(credentials: { email: string; password: string }): Promise<SignedIn>
  /** Signs claims with the issuer's key, or wrongly on purpose. For tests. */
  mintToken(claims: JWTPayload, options?: MintOptions): Promise<string>
}

export interface SignedIn {
  access_token: string
  refresh_token: string
  user: { id: string; email: string }
}

/** Puts the gateway with all its parts in front of a database that is bootstrapped and migrated. */
export async function serveDatabase(options: ServeOptions): Promise<ServedDatabase> {
  const { secrets, databasePort, database, hs256Secret, log = () => {} } = options
  await using started = new AsyncDisposableStack()
  let parts: Parts | undefined
  let functions: FunctionHost | undefined
  const gateway = await createGateway(options.port, async (port) => {
    const url = `http://127.0.0.1:${port}`
    functions = options.functions === false ? undefined : functionHost(options, url)
    if (functions) started.use(functions)
    parts = started.use(await createParts({ ...options, hs256Secret, functions, url, log }))
    return parts.routes
  })
  started.use(gateway)
  if (!parts) throw new Error('the gateway has no parts')
  if (typeof options.functions === 'object' && options.functions.warm) await functions?.warm()
  const { issuer, auth } = parts

  const url = `http://127.0.0.1:${gateway.port}`
  const hostUrl = databaseUrl(databasePort, secrets, 'session_host', database)
  const running = started.move()
  return {
    databaseUrl: hostUrl,
    adminDatabaseUrl: databaseUrl(databasePort, secrets, 'postgres', database),
    url,
    publishableKey: secrets.publishableKey,
    secretKey: secrets.secretKey,
    jwksUrl: `${url}/auth/v1/.well-known/jwks.json`,
    environment: {
      DATABASE_URL: hostUrl,
      SUPABASE_URL: url,
      SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
      SUPABASE_SERVICE_ROLE_KEY: secrets.secretKey,
      ...tokenEnvironment(url, hs256Secret),
    },
    async createUser({ email, password, id }) {
      const created = await auth.accounts.create({
        id,
        email,
        password,
        confirmed: true,
        userMetadata: {},
        appMetadata: {},
      })
      return { id: created.id, email: created.email }
    },
    async signIn(credentials) {
      const response = await fetch(`${url}/auth/v1/token?grant_type=password`, {
        method: 'POST',
        headers: { apikey: secrets.publishableKey, 'content-type': 'application/json' },
        body: JSON.stringify(credentials),
      })
      const answer: unknown = await response.json()
      if (response.ok) return answer as SignedIn
      const { error_code: code, msg: message } = answer as { error_code?: string; msg?: string }
      throw Object.assign(new Error(message ?? 'sign-in failed'), { code })
    },
    mintToken: (claims, mint) => issuer.mint(claims, mint),
    async [Symbol.asyncDispose]() {
      await running.disposeAsync()
    },
  }
}

function functionHost(
  { secrets, functions, functionsCache, hs256Secret, log }: ServeOptions,
  url: string,
): FunctionHost {
  const { folder, environment }: FunctionsOptions = typeof functions === 'object' ? functions : {}
  return createFunctionHost({
    folder: folder ?? join(import.meta.dirname, '../../edge-functions'),
    cacheFolder: functionsCache,
    environment: {
      SUPABASE_URL: url,
      SUPABASE_ANON_KEY: secrets.publishableKey,
      SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: secrets.publishableKey }),
      ...tokenEnvironment(url, hs256Secret),
      ...environment,
    },
    log: log ?? (() => {}),
  })
}

/** Exactly one of the two ways in which tokens are verified. */
function tokenEnvironment(url: string, hs256Secret: string | undefined): Record<string, string> {
  return hs256Secret === undefined
    ? { SUPABASE_JWKS_URL: `${url}/auth/v1/.well-known/jwks.json` }
    : { JWT_SECRET: hs256Secret }
}
