import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { actions, type Action, type ActionName } from '#shared/actions.ts'
import { asErrorCode, PublicError, type ErrorCode } from '#shared/errors.ts'
import { actionDocumentation } from '../action-documentation.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { callFunction } from '../call-function.ts'
import { conversationReference } from '../conversation-reference.ts'
import { sentMessageExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { MessageRow } from '../rows.ts'
import { schemas } from '../schemas.ts'

/** One route for each of the shared actions: sending what is more than text, changing messages, groups, calls. */
export function actionRoutes(dependencies: RouteDependencies): Routes {
  const app = new OpenAPIHono<ApiEnv>()
  for (const [name, action] of Object.entries(actions)) addAction(app, name as ActionName, action, dependencies)
  return app
}

function addAction(
  app: Routes,
  name: ActionName,
  { request, answers, call }: Action,
  { authenticate, waits, now }: RouteDependencies,
): void {
  const { tag, summary, description, example, errors } = actionDocumentation[name]
  const route = createRoute({
    method: 'post',
    path: `/api/whatsapp/${name}`,
    tags: [tag],
    summary,
    description,
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: { required: true, content: { 'application/json': { schema: request, example } } },
    },
    responses: {
      ...(answers === 'message'
        ? {
            202: jsonAnswer('The message as it is kept.', schemas.sentMessage, {
              success: true as const,
              message: sentMessageExample,
            }),
          }
        : {
            200: jsonAnswer('WhatsApp did it.', schemas.command, {
              success: true as const,
              command_id: 17,
              status: 'done' as const,
              result: {},
            }),
            202: jsonAnswer('WhatsApp has not answered yet; ask `get_command`.', schemas.command, {
              success: true as const,
              command_id: 17,
              status: 'queued' as const,
              result: null,
            }),
          }),
      ...errorAnswers('invalid_request', 'invalid_json', 'idempotency_conflict', 'payload_too_large', ...errors),
    },
  })
  app.openapi(
    route as never,
    (async (c: ApiContext) => {
      const given = c.req.valid('json' as never) as Record<string, unknown>
      const body =
        typeof given['conversationId'] === 'string'
          ? { ...given, conversationId: conversationReference(given['conversationId']) }
          : given
      const { name: functionName, args } = call(body, idempotencyKeyOf(c))
      if (answers === 'message') {
        const { message, replayed } = await callFunction(c, functionName, args, Submitted)
        markReplayed(c, replayed)
        return c.json({ success: true as const, message }, 202)
      }
      const { command_id, replayed } = await callFunction(c, functionName, args, Started)
      markReplayed(c, replayed)
      const wait = { ...waits.command, signal: c.req.raw.signal, now }
      const done = await pollUntil(() => commandState(c, command_id, true), wait)
      return done ? c.json(done, 200) : c.json(await commandState(c, command_id, false), 202)
    }) as never,
  )
}

/** How a command stands; a failed one fails with its own error. While it is open: null when only its end is asked for. */
export async function commandState(c: ApiContext, commandId: number, finished: boolean) {
  const { status, result, error_code } = await c
    .get('database')
    .call('command_result', { p_command_id: commandId }, CommandState)
  const answer = { success: true as const, command_id: commandId }
  switch (status) {
    case 'queued':
    case 'claimed':
      return finished ? null : { ...answer, status: 'queued' as const, result: null }
    case 'done':
      return { ...answer, status: 'done' as const, result: result ?? {} }
    case 'dead':
      throw new PublicError(publicCode(error_code), { detail: `command ${String(commandId)} is dead` })
    default:
      return status satisfies never
  }
}

function publicCode(code: string | null | undefined): ErrorCode {
  return asErrorCode(code) ?? 'internal'
}

const Submitted = z.object({ message: MessageRow, replayed: z.boolean() })
const Started = z.object({ command_id: z.number().int(), replayed: z.boolean().optional() })
const CommandState = z.object({
  status: z.enum(['queued', 'claimed', 'done', 'dead']),
  result: z.record(z.string(), z.unknown()).nullish(),
  error_code: z.string().nullish(),
})
