import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { textCall } from '#shared/actions.ts'
import { MessagesQuery, SendMessageRequest } from '#shared/api.ts'
import { refuseTextExtras } from '#shared/attachment.ts'
import { PublicError } from '#shared/errors.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { callFunction } from '../call-function.ts'
import { conversationReference } from '../conversation-reference.ts'
import { belongsTo, readCursor, writeCursor, type Cursor } from '../cursor.ts'
import { conversationExample, messageExample, sentMessageExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { withLinks } from '../media-links.ts'
import { MessageRow } from '../rows.ts'
import { schemas } from '../schemas.ts'
import { takePage } from '../take-page.ts'

/** What was written in a conversation, and writing in it. */
export function messageRoutes({ authenticate }: RouteDependencies): Routes {
  const list = createRoute({
    method: 'get',
    path: '/api/whatsapp/get_messages',
    tags: ['messages'],
    summary: 'Messages of a conversation, oldest first',
    description:
      '`conversationId` is the uuid or any JID of the person. Without a cursor the newest page; `before` goes back in time, ' +
      '`after` forward: poll with the last `next_cursor` for what is new. What is known of a medium stands in `media_*`: the same names ' +
      'as the columns that supabase-js reads from `messages_new`, so one type fits both.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: MessagesQuery },
    responses: {
      200: jsonAnswer('A page of messages in ascending order.', schemas.messages, {
        success: true,
        messages: [messageExample],
        previous_cursor: null,
        next_cursor: 'WyI4YzFlMzQ1NmE3YjhjOWQwIiwiMjAyNS0wMS0yMFQxMDowMDowMCswMDowMCIsIjQxIl0',
      }),
      ...errorAnswers('invalid_request', 'invalid_cursor', 'conversation_not_found'),
    },
  })

  const send = createRoute({
    method: 'post',
    path: '/api/whatsapp/send_message',
    tags: ['messages'],
    summary: 'Send a text, or files',
    description:
      'The message is kept and leaves in order; it is `pending` until WhatsApp acknowledges it. With an Idempotency-Key a ' +
      'repeat answers the first message again, marked `Idempotent-Replayed: true`; the same key with another body is refused. ' +
      '`attachments` are sent one message each, answered in `messages`; `textContent` (which may be empty then) is the caption of the ' +
      'first, and `mentions` and `preview` are for a text alone. A file that turns out not to be sendable fails its message with an ' +
      '`error_code`.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: {
          'application/json': {
            schema: SendMessageRequest,
            example: { conversationId: conversationExample.external_id, textContent: sentMessageExample.text_content },
          },
        },
      },
    },
    responses: {
      202: jsonAnswer('The message as it is kept.', schemas.sentMessage, {
        success: true,
        message: sentMessageExample,
      }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'empty_text',
        'text_too_long',
        'invalid_mention',
        'invalid_preview',
        'not_in_group',
        'group_admins_only',
        'invalid_attachment',
        'path_not_allowed',
        'file_not_found',
        'url_not_allowed',
        'conversation_not_found',
        'message_not_found',
        'idempotency_conflict',
        'session_not_linked',
        'payload_too_large',
      ),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => c.json(await messagePage(c, c.req.valid('query')), 200))
    .openapi(send, async (c) => {
      const request = c.req.valid('json')
      refuseTextExtras(request, c.get('language'))
      if (request.attachments?.length) {
        const sent = await c.get('database').call(
          'submit_attachments',
          {
            p_conversation: conversationReference(request.conversationId),
            p_text: request.textContent,
            p_attachments: request.attachments,
            p_idempotency_key: idempotencyKeyOf(c),
            p_reply_to: request.replyTo ?? null,
          },
          SubmittedFiles,
        )
        markReplayed(c, sent.replayed)
        const messages = await withLinks(c, sent.messages)
        const [message] = messages
        if (!message) throw new PublicError('internal', { detail: 'submit_attachments answered no message' })
        return c.json({ success: true as const, message, messages }, 202)
      }
      const { name, args } = textCall(
        { ...request, conversationId: conversationReference(request.conversationId) },
        idempotencyKeyOf(c),
      )
      const { message, replayed } = await callFunction(c, name, args, Submitted)
      markReplayed(c, replayed)
      return c.json({ success: true as const, message }, 202)
    })
}

const SubmittedFiles = z.object({ messages: z.array(MessageRow).min(1), replayed: z.boolean() })
const Submitted = z.object({ message: MessageRow, replayed: z.boolean() })

/** A row as it comes: a cursor needs its time to the microsecond. */
const MessageKey = z.looseObject({
  conversation_id: z.uuid(),
  created_at: z.string(),
  ordinal: z.coerce.number().int(),
})
type MessageKey = z.output<typeof MessageKey>

/** The newest page, or the one before or after a cursor, with the cursors of its neighbours. */
async function messagePage(c: ApiContext, query: z.output<typeof MessagesQuery>) {
  if (query.before !== undefined && query.after !== undefined) {
    const sentence = { es: 'Usa before o after, no los dos.', en: 'Use before or after, not both.' }
    throw new PublicError('invalid_request', { param: 'after', sentence: sentence[c.get('language')] })
  }
  const reference = conversationReference(query.conversationId)
  const before = await cursorOf(c, reference, query.before, 'before')
  const after = await cursorOf(c, reference, query.after, 'after')
  const { rows, more } = await takePage(query.limit, async (p_limit) => {
    const page = await c.get('database').call(
      'list_messages',
      {
        p_conversation: reference,
        p_limit,
        p_before_at: before?.at ?? null,
        p_before_ordinal: before?.key ?? null,
        p_after_at: after?.at ?? null,
        p_after_ordinal: after?.key ?? null,
      },
      z.array(MessageKey),
    )
    // Pages come in ascending order; going back in time, the nearest is the last.
    return after ? page : page.toReversed()
  })
  const ascending = after ? rows : rows.toReversed()
  const first = ascending[0]
  const last = ascending.at(-1)
  return {
    success: true as const,
    messages: await withLinks(
      c,
      ascending.map((row) => MessageRow.parse(row)),
    ),
    // Before what came after a cursor lies at least the cursor's own message.
    previous_cursor: after || more ? ((await cursorAt(first)) ?? query.after ?? null) : null,
    // An empty page leaves the reader where they were.
    next_cursor: (await cursorAt(last)) ?? query.after ?? query.before ?? null,
  }
}

async function cursorAt(row: MessageKey | undefined): Promise<string | null> {
  if (!row) return null
  return writeCursor(messagesOf(row.conversation_id), { at: row.created_at, key: String(row.ordinal) })
}

/** A cursor of a query, once it is sure that it belongs to the conversation, whichever of its ids the query names. */
async function cursorOf(
  c: ApiContext,
  reference: string,
  text: string | undefined,
  param: string,
): Promise<Cursor | null> {
  if (text === undefined) return null
  const cursor = readCursor(text, param)
  if (await belongsTo(cursor, messagesOf(reference))) return cursor
  const [{ id }] = await c.get('database').call('get_conversation', { p_conversation: reference }, OneConversation)
  if (await belongsTo(cursor, messagesOf(id))) return cursor
  throw new PublicError('invalid_cursor', { param })
}

const OneConversation = z.tuple([z.looseObject({ id: z.uuid() })])

/** What cursors of a conversation's messages are sealed with. */
export function messagesOf(conversationId: string): unknown[] {
  return ['messages', conversationId.toLowerCase()]
}
