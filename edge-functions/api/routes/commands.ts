import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { CommandQuery } from '#shared/api.ts'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { schemas } from '../schemas.ts'
import { commandState } from './actions.ts'

/** How something that WhatsApp was asked to do stands. */
export function commandRoutes({ authenticate }: RouteDependencies): Routes {
  const read = createRoute({
    method: 'get',
    path: '/api/whatsapp/get_command',
    tags: ['session'],
    summary: 'How a command stands',
    description:
      'For answers with status 202. A command that failed answers with its own error, which may be any that the route of the action ' +
      'names.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: CommandQuery },
    responses: {
      200: jsonAnswer('How it stands.', schemas.command, {
        success: true,
        command_id: 17,
        status: 'done',
        result: {},
      }),
      ...errorAnswers('invalid_request', 'not_found', 'message_rejected', 'group_refused'),
    },
  })
  return new OpenAPIHono<ApiEnv>().openapi(read, async (c) => {
    const state = await commandState(c, c.req.valid('query').id, false)
    if (!state) throw new Error('an open command has a state')
    return c.json(state, 200)
  })
}
