import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { SearchQuery, type SearchResult } from '#shared/api.ts'
import { PublicError } from '#shared/errors.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { belongsTo, readCursor, writeCursor } from '../cursor.ts'
import { searchResultExample } from '../examples.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { SearchRow } from '../rows.ts'
import { schemas } from '../schemas.ts'
import { takePage } from '../take-page.ts'
import { messagesOf } from './messages.ts'

/** Finding messages by their words. */
export function searchRoutes({ authenticate }: RouteDependencies): Routes {
  const search = createRoute({
    method: 'get',
    path: '/api/whatsapp/search',
    tags: ['messages'],
    summary: 'Messages that hold every word, newest first',
    description:
      'Texts and captions. Words match whatever their case and accents, also in another Spanish or English form; the last one ' +
      'as a beginning, too. Narrow by `conversationId` (uuid or any JID), `from` (inclusive) and `to` (exclusive) by WhatsApp’s ' +
      'time, and `type`. Pass `next_cursor` as `cursor`, with the same rest, to go on.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: SearchQuery },
    responses: {
      200: jsonAnswer('A page of messages; `next_cursor` is null on the last one.', schemas.search, {
        success: true,
        results: [searchResultExample],
        next_cursor: null,
      }),
      ...errorAnswers('invalid_request', 'invalid_cursor', 'conversation_not_found'),
    },
  })
  return new OpenAPIHono<ApiEnv>().openapi(search, async (c) => c.json(await resultPage(c, c.req.valid('query')), 200))
}

async function resultPage(c: ApiContext, query: z.output<typeof SearchQuery>) {
  const { q, from, to, type, limit } = query
  const conversation = query.conversationId === undefined ? null : conversationReference(query.conversationId)
  const filter = ['search', c.get('caller').userId, q, conversation, from ?? null, to ?? null, type ?? null]
  const cursor = query.cursor === undefined ? null : readCursor(query.cursor, 'cursor')
  if (cursor && !(await belongsTo(cursor, filter))) throw new PublicError('invalid_cursor', { param: 'cursor' })
  const { rows, more } = await takePage(limit, (p_limit) =>
    c.get('database').call(
      'search_messages',
      {
        p_query: q,
        p_conversation: conversation,
        p_from: from ?? null,
        p_to: to ?? null,
        p_type: type ?? null,
        p_limit,
        p_before_at: cursor?.at ?? null,
        p_before_ordinal: cursor?.key ?? null,
      },
      z.array(ResultKey),
    ),
  )
  const last = rows.at(-1)
  return {
    success: true as const,
    results: await Promise.all(rows.map(resultOf)),
    next_cursor: more && last ? await writeCursor(filter, { at: last.created_at, key: String(last.ordinal) }) : null,
  }
}

async function resultOf(row: ResultKey): Promise<SearchResult> {
  const place = { at: row.created_at, key: String(row.ordinal + 1) }
  return { ...SearchRow.parse(row), page_cursor: await writeCursor(messagesOf(row.conversation_id), place) }
}

/** A row as it comes: a cursor needs its time to the microsecond. */
const ResultKey = z.looseObject({
  conversation_id: z.uuid(),
  created_at: z.string(),
  ordinal: z.coerce.number().int(),
})
type ResultKey = z.output<typeof ResultKey>
