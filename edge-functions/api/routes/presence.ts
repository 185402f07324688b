import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { PresenceRequest } from '#shared/api.ts'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { conversationExample } from '../examples.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { schemas } from '../schemas.ts'

/** Typing and being online, as the other side sees it. */
export function presenceRoutes({ authenticate }: RouteDependencies): Routes {
  const set = createRoute({
    method: 'post',
    path: '/api/whatsapp/presence',
    tags: ['conversations'],
    summary: 'Show that you type or are online',
    description:
      '`composing`, `recording` and `paused` go to a conversation; `available` and `unavailable`, without one, to everybody. `watch` ' +
      'asks to be told of the other side: that comes as `presence` on the socket and on the Realtime topic. WhatsApp tells only those who ' +
      'are available, and while they are, the phone notifies less. Nothing is stored; without a connection it is lost.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      body: {
        required: true,
        content: {
          'application/json': {
            schema: PresenceRequest,
            example: { conversationId: conversationExample.id, state: 'composing' },
          },
        },
      },
    },
    responses: {
      200: jsonAnswer('WhatsApp is told.', schemas.presence, { success: true, state: 'composing' }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'conversation_not_found',
        'session_not_linked',
        'payload_too_large',
      ),
    },
  })

  return new OpenAPIHono<ApiEnv>().openapi(set, async (c) => {
    const { conversationId, state } = c.req.valid('json')
    const p_conversation = conversationId === undefined ? null : conversationReference(conversationId)
    await c.get('database').call('set_presence', { p_state: state, p_conversation }, z.object({ state: z.string() }))
    return c.json({ success: true as const, state }, 200)
  })
}
