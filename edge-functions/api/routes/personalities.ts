import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import {
  CreatePersonalityRequest,
  DeletePersonalityRequest,
  EditPersonalityRequest,
  PersonalitiesQuery,
  SetAssistantRequest,
} from '#shared/api.ts'
import { PublicError } from '#shared/errors.ts'
import { Personality } from '#shared/personality.ts'
import type { ApiContext, ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { belongsTo, isSortName, readCursor, writeCursor } from '../cursor.ts'
import { conversationExample, personalityExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { ConversationRow, Time } from '../rows.ts'
import { schemas } from '../schemas.ts'
import { takePage } from '../take-page.ts'

/** How a user's assistant speaks, and in which conversations: the caller's own, nobody else's. */
export function personalityRoutes({ authenticate }: RouteDependencies): Routes {
  const refusals = ['invalid_request', 'invalid_json', 'payload_too_large'] as const
  const write = { tags: ['personalities'], security: bearer }
  const saved = jsonAnswer('The personality as it is now.', schemas.personality, {
    success: true as const,
    personality: personalityExample,
  })
  const body = <S extends z.ZodType>(schema: S, example: z.input<S>) => ({
    body: { required: true, content: { 'application/json': { schema, example } } },
  })

  const list = createRoute({
    method: 'get',
    path: '/api/whatsapp/personalities',
    tags: ['personalities'],
    summary: 'Personalities, by name',
    description: 'Pass `next_cursor` as `cursor` to go on.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: PersonalitiesQuery },
    responses: {
      200: jsonAnswer('A page; `next_cursor` is null on the last one.', schemas.personalities, {
        success: true,
        personalities: [personalityExample],
        next_cursor: null,
      }),
      ...errorAnswers('invalid_request', 'invalid_cursor'),
    },
  })
  const create = createRoute({
    ...write,
    middleware: [authenticate, limitBody, requireJson] as const,
    method: 'post',
    path: '/api/whatsapp/create_personality',
    summary: 'Make a personality',
    request: {
      headers: idempotencyHeaders,
      ...body(CreatePersonalityRequest, { name: 'Tienda', instructions: 'Responde con amabilidad y brevedad.' }),
    },
    responses: {
      200: saved,
      ...errorAnswers(...refusals, 'invalid_personality', 'personality_not_found', 'idempotency_conflict'),
    },
  })
  const edit = createRoute({
    ...write,
    middleware: [authenticate, limitBody, requireJson] as const,
    method: 'post',
    path: '/api/whatsapp/edit_personality',
    summary: 'Change a personality',
    description: 'What is left out stays as it is.',
    request: {
      headers: idempotencyHeaders,
      ...body(EditPersonalityRequest, { personalityId: personalityExample.id, name: 'Tienda' }),
    },
    responses: {
      200: saved,
      ...errorAnswers(...refusals, 'invalid_personality', 'personality_not_found', 'idempotency_conflict'),
    },
  })
  const remove = createRoute({
    ...write,
    middleware: [authenticate, limitBody, requireJson] as const,
    method: 'post',
    path: '/api/whatsapp/delete_personality',
    summary: 'Delete a personality',
    description: 'Conversations that had it have none afterwards.',
    request: body(DeletePersonalityRequest, { personalityId: personalityExample.id }),
    responses: {
      200: jsonAnswer('It is gone.', schemas.deletedPersonality, {
        success: true,
        personality_id: personalityExample.id,
      }),
      ...errorAnswers(...refusals, 'personality_not_found'),
    },
  })
  const assistant = createRoute({
    ...write,
    middleware: [authenticate, limitBody, requireJson] as const,
    method: 'post',
    path: '/api/whatsapp/set_assistant',
    tags: ['conversations'],
    summary: 'Say whether, and how, the assistant answers in a conversation',
    description: 'What is left out stays as it is; `personalityId` null takes the personality away.',
    request: body(SetAssistantRequest, { conversationId: conversationExample.id, aiActive: true }),
    responses: {
      200: jsonAnswer('The conversation as it is now.', schemas.changedConversation, {
        success: true,
        conversation: conversationExample,
      }),
      ...errorAnswers(...refusals, 'conversation_not_found', 'personality_not_found'),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => c.json(await personalityPage(c, c.req.valid('query')), 200))
    .openapi(create, async (c) => {
      const { name, instructions } = c.req.valid('json')
      return c.json(await save(c, { p_personality: null, p_name: name, p_instructions: instructions ?? null }), 200)
    })
    .openapi(edit, async (c) => {
      const { personalityId, name, instructions } = c.req.valid('json')
      const change = { p_personality: personalityId, p_name: name ?? null, p_instructions: instructions ?? null }
      return c.json(await save(c, change), 200)
    })
    .openapi(remove, async (c) => {
      const p_personality = c.req.valid('json').personalityId
      const result = await c.get('database').call('delete_personality', { p_personality }, Deleted)
      return c.json({ success: true as const, ...result }, 200)
    })
    .openapi(assistant, async (c) => {
      const { conversationId, aiActive, personalityId, noAcAi } = c.req.valid('json')
      const database = c.get('database')
      const p_assistant = {
        ...(aiActive === undefined ? {} : { ai_active: aiActive }),
        ...(personalityId === undefined ? {} : { personality_id: personalityId }),
        ...(noAcAi === undefined ? {} : { no_ac_ai: noAcAi }),
      }
      const p_conversation = conversationReference(conversationId)
      const { conversation_id: id } = await database.call('set_assistant', { p_conversation, p_assistant }, Changed)
      const [conversation] = await database.call('get_conversation', { p_conversation: id }, z.tuple([ConversationRow]))
      return c.json({ success: true as const, conversation }, 200)
    })
}

const Row = Personality.extend({ created_at: Time, updated_at: Time })
const Saved = z.object({ personality: Row, replayed: z.boolean() })
const Deleted = z.object({ personality_id: z.uuid() })
const Changed = z.object({ conversation_id: z.uuid() })

async function save(
  c: ApiContext,
  change: { p_personality: string | null; p_name: string | null; p_instructions: string | null },
) {
  const args = { ...change, p_idempotency_key: idempotencyKeyOf(c) }
  const { personality, replayed } = await c.get('database').call('save_personality', args, Saved)
  markReplayed(c, replayed)
  return { success: true as const, personality }
}

async function personalityPage(c: ApiContext, query: z.output<typeof PersonalitiesQuery>) {
  const filter = ['personalities', c.get('caller').userId]
  const cursor = query.cursor === undefined ? null : readCursor(query.cursor, 'cursor', isSortName)
  if (cursor && !(await belongsTo(cursor, filter))) throw new PublicError('invalid_cursor', { param: 'cursor' })
  const { rows, more } = await takePage(query.limit, (p_limit) =>
    c
      .get('database')
      .call(
        'list_personalities',
        { p_limit, p_after_name: cursor?.at ?? null, p_after_id: cursor?.key ?? null },
        z.array(Row),
      ),
  )
  const last = rows.at(-1)
  return {
    success: true as const,
    personalities: rows,
    next_cursor: more && last ? await writeCursor(filter, { at: last.name, key: last.id }) : null,
  }
}
