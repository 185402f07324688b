import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { sessionExample } from '../examples.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { LinkState, sessionOf } from '../rows.ts'
import { schemas } from '../schemas.ts'

/** The caller's default session: how it stands, and ending it. */
export function sessionRoutes({ authenticate, waits, now }: RouteDependencies): Routes {
  const read = createRoute({
    method: 'get',
    path: '/api/whatsapp/session',
    tags: ['session'],
    summary: 'How the connection stands',
    description: 'A user who never linked a phone gets a session with `id: null` and status `unlinked`.',
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
    description: 'Logs out at WhatsApp and deletes the keys. Conversations stay. Needs no body.',
    security: bearer,
    middleware: [authenticate] as const,
    responses: {
      200: jsonAnswer('The phone is unlinked.', schemas.session, {
        success: true,
        session: { ...example, status: 'logged_out', reason: 'logout_requested' },
      }),
      202: jsonAnswer('The request is kept and will be carried out; ask `session` how far it is.', schemas.session, {
        success: true,
        session: sessionExample,
      }),
      ...errorAnswers('session_not_linked'),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(read, async (c) => {
      const state = await c.get('database').call('link_state', {}, LinkState)
      return c.json({ success: true as const, session: sessionOf(state) }, 200)
    })
    .openapi(logout, async (c) => {
      const database = c.get('database')
      await database.call('logout', {}, z.object({ status: z.string() }))
      let state = await database.call('link_state', {}, LinkState)
      const ended = await pollUntil(
        async () => {
          state = await database.call('link_state', {}, LinkState)
          return isEnded(state) ? state : null
        },
        { ...waits.logout, signal: c.req.raw.signal, now },
      )
      return c.json({ success: true as const, session: sessionOf(state) }, ended ? 200 : 202)
    })
}

function isEnded(state: LinkState): boolean {
  return state.status === 'logged_out' || state.status === 'unlinked'
}
