import { OpenAPIHono } from '@hono/zod-openapi'
import { createMiddleware } from 'hono/factory'
import { PublicError, preferredLanguage } from '#shared/errors.ts'
import type { VerifyToken } from '#shared/tokens.ts'
import type { ApiEnv, Waits } from './api-env.ts'
import { createAuthentication } from './auth.ts'
import { allowOrigins } from './cors.ts'
import { errorResponse, type FailureReport } from './errors.ts'
import { apiDocument, registerBearer } from './openapi.ts'
import { chatStateRoutes } from './routes/chat-state.ts'
import { contactRoutesOfOne } from './routes/contact.ts'
import { actionRoutes } from './routes/actions.ts'
import { commandRoutes } from './routes/commands.ts'
import { contactRoutes } from './routes/contacts.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { mediaRoutes } from './routes/media.ts'
import { groupRoutes } from './routes/groups.ts'
import { messageRoutes } from './routes/messages.ts'
import { pairingCodeRoutes } from './routes/pairing-code.ts'
import { personalityRoutes } from './routes/personalities.ts'
import { presenceRoutes } from './routes/presence.ts'
import { qrRoutes } from './routes/qr.ts'
import { searchRoutes } from './routes/search.ts'
import { sessionRoutes } from './routes/session.ts'
import { validationError } from './validation-error.ts'

export interface AppOptions {
  /** Base URL of the Supabase project, without a path. */
  supabaseUrl: string
  /** The browser's key; what a request may see is decided by its caller's token. */
  publishableKey: string
  verifyToken: VerifyToken
  /** Origins, as browsers write them, that may read answers across origins. */
  corsOrigins: readonly string[]
  /** A clock in milliseconds that never goes back. */
  now?: () => number
  waits?: Partial<Waits>
  /** Told of every answer from 500 up, for a log. */
  onFailure?: (failure: FailureReport) => void
}

/** Long enough for a person's phone and WhatsApp, short enough for proxies and hosted functions. */
const defaultWaits: Waits = {
  qr: { totalMs: 20_000, intervalMs: 250 },
  startConversation: { totalMs: 15_000, intervalMs: 250 },
  logout: { totalMs: 8_000, intervalMs: 250 },
  command: { totalMs: 10_000, intervalMs: 150 },
}

/**
 * The REST API of the contract, with every path below `/api`. Stateless: the same app runs as the Supabase function `api` and inside
 * the session-host. It reaches data only with its caller's token.
 */
export function createApp(options: AppOptions): OpenAPIHono<ApiEnv> {
  const { supabaseUrl, corsOrigins, onFailure } = options
  const dependencies = {
    authenticate: createAuthentication(options),
    waits: { ...defaultWaits, ...options.waits },
    now: options.now ?? (() => performance.now()),
  }
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, c) => {
      if (!result.success) throw validationError(result.error.issues, Reflect.get(result, 'data'), c.get('language'))
    },
  })

  app.use(describeAnswer)
  app.use(allowOrigins(corsOrigins))
  app.onError((error, c) => errorResponse(c, error, onFailure))

  registerBearer(app)
  app.route('/', qrRoutes(dependencies))
  app.route('/', pairingCodeRoutes(dependencies))
  app.route('/', conversationRoutes(dependencies))
  app.route('/', chatStateRoutes(dependencies))
  app.route('/', messageRoutes(dependencies))
  app.route('/', actionRoutes(dependencies))
  app.route('/', commandRoutes(dependencies))
  app.route('/', mediaRoutes(dependencies))
  app.route('/', groupRoutes(dependencies))
  app.route('/', personalityRoutes(dependencies))
  app.route('/', presenceRoutes(dependencies))
  app.route('/', contactRoutes(dependencies))
  app.route('/', contactRoutesOfOne(dependencies))
  app.route('/', searchRoutes(dependencies))
  app.route('/', sessionRoutes(dependencies))
  app.get('/api/openapi.json', (c) => c.json(apiDocument(app, supabaseUrl)))

  const methods = methodsByPath(app)
  app.notFound((c) => {
    const allowed = methods.get(c.req.path)
    if (!allowed) return errorResponse(c, new PublicError('not_found'))
    c.header('Allow', allowed)
    if (c.req.method === 'OPTIONS') return c.body(null, 204)
    return errorResponse(c, new PublicError('method_not_allowed'))
  })
  return app
}

/** What every answer carries: the request's id, and that it is one caller's, in one caller's language. */
const describeAnswer = createMiddleware<ApiEnv>(async (c, next) => {
  const given = c.req.header('x-request-id') ?? ''
  const requestId = /^[\w.-]{1,128}$/.test(given) ? given : crypto.randomUUID()
  c.set('requestId', requestId)
  c.set('language', preferredLanguage(c.req.header('accept-language')))
  await next()
  c.header('X-Request-Id', requestId)
  c.header('Cache-Control', 'no-store')
  c.header('Vary', 'Origin, Authorization, Accept-Language')
})

function methodsByPath(app: OpenAPIHono<ApiEnv>): Map<string, string> {
  const paths = new Map<string, string>()
  for (const { path, method } of app.routes) {
    if (method === 'ALL') continue
    const own = method === 'GET' ? 'GET, HEAD' : method
    const others = paths.get(path)
    if (others === undefined) paths.set(path, `OPTIONS, ${own}`)
    else if (!others.includes(own)) paths.set(path, `${others}, ${own}`)
  }
  return paths
}
