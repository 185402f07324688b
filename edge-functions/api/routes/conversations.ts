import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { ConversationsQuery, MarkReadRequest, StartConversationRequest } from '#shared/api.ts'
import { parsePhone } from '#shared/contact.ts'
import { asErrorCode, PublicError } from '#shared/errors.ts'
import { isPersonJid, normalizeJid, phoneJid } from '#shared/ids.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { belongsTo, readCursor, writeCursor } from '../cursor.ts'
import { conversationExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { ConversationRow } from '../rows.ts'
import { schemas } from '../schemas.ts'
import { takePage } from '../take-page.ts'

/** The list of chats, opening one, and marking one as read. */
export function conversationRoutes({ authenticate, waits, now }: RouteDependencies): Routes {
  const list = createRoute({
    method: 'get',
    path: '/api/whatsapp/get_conversations',
    tags: ['conversations'],
    summary: 'Conversations, newest activity first',
    description:
      '`q` finds names and numbers. Pass `next_cursor` as `cursor`, with the same `q` and `archived`, to go on.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: ConversationsQuery },
    responses: {
      200: jsonAnswer('A page of conversations; `next_cursor` is null on the last one.', schemas.conversations, {
        success: true,
        conversations: [conversationExample],
        next_cursor: null,
      }),
      ...errorAnswers('invalid_request', 'invalid_cursor'),
    },
  })

  const start = createRoute({
    method: 'post',
    path: '/api/whatsapp/start_conversation',
    tags: ['conversations'],
    summary: 'Open a conversation with a number',
    description:
      'Looks the number up on WhatsApp, waiting up to 15 seconds. A conversation that exists is answered at once. With an ' +
      'Idempotency-Key a repeat waits for and answers what the first request asked for.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: { 'application/json': { schema: StartConversationRequest, example: { phone: '+1 234 567 890' } } },
      },
    },
    responses: {
      200: jsonAnswer('The conversation.', schemas.startedConversation, {
        success: true,
        conversation: conversationExample,
      }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'invalid_phone',
        'not_on_whatsapp',
        'session_not_linked',
        'idempotency_conflict',
        'payload_too_large',
        'whatsapp_timeout',
      ),
    },
  })

  const markRead = createRoute({
    method: 'post',
    path: '/api/whatsapp/mark_read',
    tags: ['conversations'],
    summary: 'Mark a conversation as read',
    description:
      'Here at once, on WhatsApp as soon as the host has told it. With an Idempotency-Key a repeat answers the first count and ' +
      'leaves what arrived meanwhile unread.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: {
          'application/json': { schema: MarkReadRequest, example: { conversationId: conversationExample.id } },
        },
      },
    },
    responses: {
      200: jsonAnswer('How many messages became read.', schemas.markedRead, {
        success: true,
        conversation_id: conversationExample.id,
        read: 2,
      }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'conversation_not_found',
        'idempotency_conflict',
        'payload_too_large',
      ),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => c.json(await conversationPage(c, c.req.valid('query')), 200))
    .openapi(start, async (c) => {
      const database = c.get('database')
      const started = await database.call(
        'start_conversation',
        { p_jid: personJid(c, c.req.valid('json')), p_idempotency_key: idempotencyKeyOf(c) },
        Started,
      )
      markReplayed(c, started.replayed)
      const command = started.command_id
      let id: string | null | undefined = started.conversation_id
      if (command !== undefined) {
        id = await pollUntil(
          async () => openedBy(await database.call('command_result', { p_command_id: command }, CommandState)),
          { ...waits.startConversation, signal: c.req.raw.signal, now },
        )
      }
      if (!id) throw new PublicError('whatsapp_timeout', { detail: 'start_conversation had no result in time' })
      const rows = await database.call('get_conversation', { p_conversation: id }, z.tuple([ConversationRow]))
      return c.json({ success: true as const, conversation: rows[0] }, 200)
    })
    .openapi(markRead, async (c) => {
      const p_conversation = conversationReference(c.req.valid('json').conversationId)
      const { replayed, ...result } = await c
        .get('database')
        .call('mark_read', { p_conversation, p_idempotency_key: idempotencyKeyOf(c) }, MarkedRead)
      markReplayed(c, replayed)
      return c.json({ success: true as const, ...result }, 200)
    })
}

const Started = z.object({
  conversation_id: z.uuid().optional(),
  command_id: z.number().int().optional(),
  replayed: z.boolean().optional(),
})
const MarkedRead = z.object({ conversation_id: z.uuid(), read: z.number().int(), replayed: z.boolean().optional() })
const CommandState = z.object({
  status: z.enum(['queued', 'claimed', 'done', 'dead']),
  result: z.object({ conversation_id: z.uuid() }).nullish().catch(null),
  error_code: z.string().nullish(),
})

/** The conversation that a command opened, or null while it runs. Fails with the command's own error. */
function openedBy(command: z.output<typeof CommandState>): string | null {
  switch (command.status) {
    case 'queued':
    case 'claimed':
      return null
    case 'done':
      if (!command.result)
        throw new PublicError('internal', { detail: 'start_conversation is done without a conversation' })
      return command.result.conversation_id
    case 'dead':
      throw new PublicError(asErrorCode(command.error_code) ?? 'internal', { detail: 'start_conversation is dead' })
    default:
      return command.status satisfies never
  }
}

/** The JID of the person that a request names by number or JID. */
function personJid(c: ApiContext, request: z.output<typeof StartConversationRequest>): string {
  if ('phone' in request) {
    const digits = parsePhone(request.phone)
    if (!digits) throw new PublicError('invalid_phone', { param: 'phone' })
    return phoneJid(digits)
  }
  const jid = normalizeJid(request.jid)
  if (jid && isPersonJid(jid)) return jid
  const sentence = { es: 'jid debe ser el JID de una persona.', en: 'jid must be the JID of a person.' }
  throw new PublicError('invalid_request', { param: 'jid', sentence: sentence[c.get('language')] })
}

/** A page of the list, and the cursor of the next one when there is one. */
async function conversationPage(c: ApiContext, query: z.output<typeof ConversationsQuery>) {
  const { limit, q = '', archived } = query
  const filter = ['conversations', c.get('caller').userId, q, archived]
  const cursor = query.cursor === undefined ? null : readCursor(query.cursor, 'cursor')
  if (cursor && !(await belongsTo(cursor, filter))) throw new PublicError('invalid_cursor', { param: 'cursor' })
  const { rows, more } = await takePage(limit, (p_limit) =>
    c.get('database').call(
      'list_conversations',
      {
        p_limit,
        p_before_activity: cursor?.at ?? null,
        p_before_id: cursor?.key ?? null,
        p_query: q,
        p_archived: archived === 'true',
      },
      z.array(ConversationKey),
    ),
  )
  const last = rows.at(-1)
  return {
    success: true as const,
    conversations: rows.map((row) => ConversationRow.parse(row)),
    next_cursor: more && last ? await writeCursor(filter, { at: last.activity_at, key: last.id }) : null,
  }
}

/** A row as it comes: a cursor needs its time to the microsecond. */
const ConversationKey = z.looseObject({ id: z.uuid(), activity_at: z.string() })
