import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Session } from '#shared/session.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { sessionExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { ConnectionState, LinkState, sessionOf } from '../rows.ts'
import { schemas } from '../schemas.ts'

/** The caller's default session: how it stands, and ending it. */
export function sessionRoutes({ authenticate, waits, now }: RouteDependencies): Routes {
  const read = createRoute({
    method: 'get',
    path: '/api/whatsapp/session',
    tags: ['session'],
    summary: 'How the connection stands',
    description:
      'A user who never linked a phone gets a session with `id: null` and status `unlinked`. `message` says what `reason` means and ' +
      'what to do, in the language of Accept-Language; `restriction` what WhatsApp does not let the account do for a while.',
    security: bearer,
    middleware: [authenticate] as const,
    responses: {
      200: jsonAnswer('The session.', schemas.session, { success: true, session: sessionExample }),
      ...errorAnswers(),
    },
  })

  const example = { ...sessionExample, connected: false, phone: null, push_name: null, linked_at: null }
  const logout = createRoute({
    method: 'post',
    path: '/api/whatsapp/logout',
    tags: ['session'],
    summary: 'Unlink the phone',
    description:
      'Logs out at WhatsApp and deletes the keys. Conversations stay. Needs no body. With an Idempotency-Key a repeat unlinks ' +
      'nothing that was linked again meanwhile.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { headers: idempotencyHeaders },
    responses: {
      200: jsonAnswer('The phone is unlinked.', schemas.session, {
        success: true,
        session: { ...example, status: 'logged_out', reason: 'logout_requested' },
      }),
      202: jsonAnswer('The request is kept and will be carried out; ask `session` how far it is.', schemas.session, {
        success: true,
        session: sessionExample,
      }),
      ...errorAnswers('invalid_request', 'session_not_linked', 'idempotency_conflict'),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(read, async (c) => {
      const state = await c.get('database').call('link_state', {}, LinkState)
      return c.json({ success: true as const, session: await shown(c, state) }, 200)
    })
    .openapi(logout, async (c) => {
      const database = c.get('database')
      const { replayed } = await database.call(
        'logout',
        { p_idempotency_key: idempotencyKeyOf(c) },
        z.object({ status: z.string(), replayed: z.boolean().optional() }),
      )
      markReplayed(c, replayed)
      let state = await database.call('link_state', {}, LinkState)
      // A number that was linked anew since the first request is not on its way out.
      if (replayed && state.status === 'connected')
        return c.json({ success: true as const, session: await shown(c, state) }, 202)
      const ended = await pollUntil(
        async () => {
          state = await database.call('link_state', {}, LinkState)
          return isEnded(state) ? state : null
        },
        { ...waits.logout, signal: c.req.raw.signal, now },
      )
      return c.json({ success: true as const, session: await shown(c, state) }, ended ? 200 : 202)
    })
}

async function shown(c: ApiContext, state: LinkState): Promise<Session> {
  const connection = await c.get('database').call('connection_state', {}, ConnectionState)
  return sessionOf(state, connection, c.get('language'))
}

function isEnded(state: LinkState): boolean {
  return state.status === 'logged_out' || state.status === 'unlinked'
}
