import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { GroupsQuery } from '#shared/api.ts'
import { Group, GroupWithParticipants } from '#shared/group.ts'
import { PublicError } from '#shared/errors.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { belongsTo, readCursor, writeCursor } from '../cursor.ts'
import { groupExample, groupParticipantsExample } from '../examples.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { Time } from '../rows.ts'
import { schemas } from '../schemas.ts'
import { takePage } from '../take-page.ts'

/** The groups of the linked number, to read. Each is a conversation as well. */
export function groupRoutes({ authenticate }: RouteDependencies): Routes {
  const list = createRoute({
    method: 'get',
    path: '/api/whatsapp/groups',
    tags: ['groups'],
    summary: 'Groups, newest activity first',
    description: 'Pass `next_cursor` as `cursor` to go on.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: GroupsQuery },
    responses: {
      200: jsonAnswer('A page of groups; `next_cursor` is null on the last one.', schemas.groups, {
        success: true,
        groups: [groupExample],
        next_cursor: null,
      }),
      ...errorAnswers('invalid_request', 'invalid_cursor'),
    },
  })

  const get = createRoute({
    method: 'get',
    path: '/api/whatsapp/groups/{id}',
    tags: ['groups'],
    summary: 'One group with its participants',
    description: '`id` is the uuid of its conversation or its JID. Admins come first.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { params: z.object({ id: z.string().min(1).max(256) }) },
    responses: {
      200: jsonAnswer('The group.', schemas.group, {
        success: true,
        group: { ...groupExample, participants: groupParticipantsExample },
      }),
      ...errorAnswers('invalid_request', 'conversation_not_found'),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => c.json(await groupPage(c, c.req.valid('query')), 200))
    .openapi(get, async (c) => {
      const p_group = conversationReference(c.req.valid('param').id)
      const group = await c.get('database').call('get_group', { p_group }, OneRow)
      return c.json({ success: true as const, group }, 200)
    })
}

const times = { activity_at: Time, created_at: Time.nullable(), left_at: Time.nullable() }
const Row = Group.extend(times)
const OneRow = GroupWithParticipants.extend(times)
/** A row as it comes: a cursor needs its time to the microsecond. */
const Key = z.looseObject({ conversation_id: z.uuid(), activity_at: z.string() })

async function groupPage(c: ApiContext, query: z.output<typeof GroupsQuery>) {
  const filter = ['groups', c.get('caller').userId]
  const cursor = query.cursor === undefined ? null : readCursor(query.cursor, 'cursor')
  if (cursor && !(await belongsTo(cursor, filter))) throw new PublicError('invalid_cursor', { param: 'cursor' })
  const { rows, more } = await takePage(query.limit, (p_limit) =>
    c
      .get('database')
      .call(
        'list_groups',
        { p_limit, p_before_activity: cursor?.at ?? null, p_before_id: cursor?.key ?? null },
        z.array(Key),
      ),
  )
  const last = rows.at(-1)
  return {
    success: true as const,
    groups: rows.map((row) => Row.parse(row)),
    next_cursor: more && last ? await writeCursor(filter, { at: last.activity_at, key: last.conversation_id }) : null,
  }
}
