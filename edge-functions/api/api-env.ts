import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import type { Language } from '#shared/errors.ts'
import type { Caller } from '#shared/tokens.ts'
import type { UserDatabase } from './user-database.ts'
import type { Wait } from './poll-until.ts'

/** What a request carries through the app. */
export interface ApiEnv {
  Variables: {
    /** Repeated in X-Request-Id and in every error. */
    requestId: string
    language: Language
    /** Set by the authentication of a route. */
    caller: Caller
    /** Set by the authentication of a route: the data as its caller may see it. */
    database: UserDatabase
  }
}

export type ApiContext = Context<ApiEnv>
export type Routes = OpenAPIHono<ApiEnv>

/** How long a route waits for WhatsApp before it answers without it. */
export interface Waits {
  qr: Wait
  startConversation: Wait
  logout: Wait
  command: Wait
}

/** What the route files share. */
export interface RouteDependencies {
  /** Lets only a verified caller in. */
  authenticate: MiddlewareHandler<ApiEnv>
  waits: Waits
  /** A clock in milliseconds that never goes back. */
  now: () => number
}
