import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { ContactsQuery } from '#shared/api.ts'
import { PublicError } from '#shared/errors.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { belongsTo, isSortName, readCursor, writeCursor } from '../cursor.ts'
import { contactExample } from '../examples.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { ContactRow } from '../rows.ts'
import { schemas } from '../schemas.ts'
import { takePage } from '../take-page.ts'

/** The people that the linked number knows. */
export function contactRoutes({ authenticate }: RouteDependencies): Routes {
  const list = createRoute({
    method: 'get',
    path: '/api/whatsapp/contacts',
    tags: ['contacts'],
    summary: 'Contacts by name',
    description:
      'Those without a name come last. `q` finds names and numbers, whatever their case and accents. Pass `next_cursor` as ' +
      '`cursor`, with the same `q`, to go on.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: ContactsQuery },
    responses: {
      200: jsonAnswer('A page of contacts; `next_cursor` is null on the last one.', schemas.contacts, {
        success: true,
        contacts: [contactExample],
        next_cursor: null,
      }),
      ...errorAnswers('invalid_request', 'invalid_cursor'),
    },
  })
  return new OpenAPIHono<ApiEnv>().openapi(list, async (c) => c.json(await contactPage(c, c.req.valid('query')), 200))
}

async function contactPage(c: ApiContext, query: z.output<typeof ContactsQuery>) {
  const { limit, q = '' } = query
  const filter = ['contacts', c.get('caller').userId, q]
  const cursor = query.cursor === undefined ? null : readCursor(query.cursor, 'cursor', isSortName)
  if (cursor && !(await belongsTo(cursor, filter))) throw new PublicError('invalid_cursor', { param: 'cursor' })
  const { rows, more } = await takePage(limit, (p_limit) =>
    c
      .get('database')
      .call(
        'list_contacts',
        { p_limit, p_after_name: cursor?.at ?? null, p_after_id: cursor?.key ?? null, p_query: q },
        z.array(ContactKey),
      ),
  )
  const last = rows.at(-1)
  return {
    success: true as const,
    contacts: rows.map((row) => ContactRow.parse(row)),
    next_cursor: more && last ? await writeCursor(filter, { at: last.sort_name, key: last.id }) : null,
  }
}

/** A row as it comes, with what orders it. */
const ContactKey = z.looseObject({ id: z.uuid(), sort_name: z.string() })
