import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { ChatStateRequest, MarkPlayedRequest, MarkUnreadRequest } from '#shared/api.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { conversationExample, messageExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { ConversationRow } from '../rows.ts'
import { schemas } from '../schemas.ts'

/** What of a chat is the user's own business, in step with the phone: archived, pinned, muted, marked as unread; and what was played. */
export function chatStateRoutes({ authenticate }: RouteDependencies): Routes {
  const refusals = errorAnswers(
    'invalid_request',
    'invalid_json',
    'conversation_not_found',
    'session_not_linked',
    'idempotency_conflict',
    'payload_too_large',
  )
  const changed = jsonAnswer('The conversation as it is now.', schemas.changedConversation, {
    success: true,
    conversation: conversationExample,
  })

  const set = createRoute({
    method: 'post',
    path: '/api/whatsapp/set_chat_state',
    tags: ['conversations'],
    summary: 'Archive, pin or mute a conversation',
    description:
      'Here at once, on the phone as soon as the host has told WhatsApp. What is left out stays as it is. `mutedUntil` is a time, ' +
      '`9999-12-31T00:00:00Z` for ever, or null.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: {
          'application/json': {
            schema: ChatStateRequest,
            example: { conversationId: conversationExample.id, archived: true },
          },
        },
      },
    },
    responses: { 200: changed, ...refusals },
  })

  const markUnread = createRoute({
    method: 'post',
    path: '/api/whatsapp/mark_unread',
    tags: ['conversations'],
    summary: 'Mark a conversation as unread',
    description:
      'By hand, as on the phone: `marked_unread` is true until the conversation is read, here or there; `unread_count` stays.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: {
          'application/json': { schema: MarkUnreadRequest, example: { conversationId: conversationExample.id } },
        },
      },
    },
    responses: { 200: changed, ...refusals },
  })

  const markPlayed = createRoute({
    method: 'post',
    path: '/api/whatsapp/mark_played',
    tags: ['messages'],
    summary: 'Say that a message was played',
    description: 'Its author sees that a voice note was listened to. `played` is false when that was known.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: MarkPlayedRequest, example: { messageId: messageExample.id } } },
      },
    },
    responses: {
      200: jsonAnswer('Whether it is new.', schemas.markedPlayed, {
        success: true,
        message_id: messageExample.id,
        played: true,
      }),
      ...errorAnswers('invalid_request', 'invalid_json', 'message_not_found', 'payload_too_large'),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(set, async (c) => {
      const { conversationId, archived, pinned, mutedUntil } = c.req.valid('json')
      const p_state = {
        ...(archived === undefined ? {} : { archived }),
        ...(pinned === undefined ? {} : { pinned }),
        ...(mutedUntil === undefined ? {} : { muted_until: mutedUntil }),
      }
      return c.json(await change(c, 'set_chat_state', conversationId, { p_state }), 200)
    })
    .openapi(markUnread, async (c) =>
      c.json(await change(c, 'mark_unread', c.req.valid('json').conversationId, {}), 200),
    )
    .openapi(markPlayed, async (c) => {
      const result = await c
        .get('database')
        .call('mark_played', { p_message: c.req.valid('json').messageId }, MarkedPlayed)
      return c.json({ success: true as const, ...result }, 200)
    })
}

async function change(
  c: ApiContext,
  name: 'set_chat_state' | 'mark_unread',
  conversationId: string,
  more: { p_state?: object },
) {
  const database = c.get('database')
  const p_conversation = conversationReference(conversationId)
  const { replayed, conversation_id: id } = await database.call(
    name,
    { p_conversation, ...more, p_idempotency_key: idempotencyKeyOf(c) },
    Changed,
  )
  markReplayed(c, replayed)
  const [conversation] = await database.call('get_conversation', { p_conversation: id }, z.tuple([ConversationRow]))
  return { success: true as const, conversation }
}

const Changed = z.object({ conversation_id: z.uuid(), replayed: z.boolean().optional() })
const MarkedPlayed = z.object({ message_id: z.uuid(), played: z.boolean() })
