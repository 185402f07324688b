import { type Auth, createAuth } from './auth/create-auth.ts'
import { createIssuer, type Issuer } from './auth/create-issuer.ts'
import type { Caller } from './caller.ts'
import type { Part } from './create-gateway.ts'
import type { FunctionHost } from './functions/create-function-host.ts'
import { identifyKey, identifyUser } from './identify-caller.ts'
import { databaseUrl } from './postgres/create-postgres-server.ts'
import { createRealtime } from './realtime/create-realtime.ts'
import { createRest } from './rest/create-rest.ts'
import type { Secrets } from './secrets.ts'
import { createStorage } from './storage/create-storage.ts'
import { identifyStorageCaller } from './storage/identify-storage-caller.ts'

export interface PartsOptions {
  secrets: Secrets
  databasePort: number
  database: string
  url: string
  hs256Secret: string | undefined
  bcryptCost: number
  functions: FunctionHost | undefined
  /** Where the files of Storage are. */
  storageFolder: string
  log: (line: string) => void
}

export interface Parts extends AsyncDisposable {
  routes: Map<string, Part>
  issuer: Issuer
  auth: Auth
}

/** `max_rows` of the platform. */
const maximumRows = 1000

/** The services behind the gateway, by path prefix. A new part is one more line here. */
export async function createParts(options: PartsOptions): Promise<Parts> {
  const { secrets, databasePort, database } = options
  const issuer = await createIssuer(secrets, options.url, options.hs256Secret)
  const auth = createAuth({
    databaseUrl: databaseUrl(databasePort, secrets, 'supabase_auth_admin', database),
    issuer,
    bcryptCost: options.bcryptCost,
    log: options.log,
  })
  const rest = createRest({
    databaseUrl: databaseUrl(databasePort, secrets, 'authenticator', database),
    maximumRows,
    log: options.log,
  })
  const realtime = createRealtime({
    databaseUrl: databaseUrl(databasePort, secrets, 'postgres', database),
    issuer,
    secrets,
    log: options.log,
  })
  const storage = createStorage({
    databaseUrl: databaseUrl(databasePort, secrets, 'postgres', database),
    folder: options.storageFolder,
    secret: secrets.secretKey,
    log: options.log,
  })

  const jwks = async (): Promise<Response> =>
    Response.json(issuer.jwks, { headers: { 'cache-control': 'public, max-age=600' } })
  const routes = new Map<string, Part>([
    ['/.well-known/jwks.json', { fetch: jwks }],
    ['/auth/v1/.well-known/jwks.json', { fetch: jwks }],
    ['/auth/v1', { fetch: withKey((request, path, caller) => auth.fetch(request, path, caller)) }],
    ['/rest/v1', { fetch: withKey(withUser((request, path, caller) => rest.fetch(request, path, caller))) }],
    ['/functions/v1', options.functions ?? notHere('Functions are switched off in this stack.')],
    [
      '/storage/v1',
      {
        fetch: (request, path) => storage.fetch(request, path, () => identifyStorageCaller(request, secrets, issuer)),
      },
    ],
    ['/realtime/v1', { fetch: withKey(withUser(realtime.fetch)), upgrade: realtime.upgrade }],
  ])
  return {
    routes,
    issuer,
    auth,
    async [Symbol.asyncDispose]() {
      await Promise.all([auth, rest, realtime, storage].map((part) => part[Symbol.asyncDispose]()))
    },
  }

  function withKey(next: (request: Request, path: string, caller: Caller) => Promise<Response>): Part['fetch'] {
    return async (request, path) => {
      const { caller, refusal } = await identifyKey(request, secrets, issuer)
      return refusal ?? next(request, path, caller)
    }
  }

  function withUser(next: (request: Request, path: string, caller: Caller) => Promise<Response>): typeof next {
    return async (request, path, keyHolder) => {
      const { caller, refusal } = await identifyUser(request, keyHolder, issuer)
      return refusal ?? next(request, path, caller)
    }
  }
}

function notHere(sentence: string): Part {
  return { fetch: async () => Response.json({ code: 'not_implemented', message: sentence }, { status: 501 }) }
}
