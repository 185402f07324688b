import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { BlockContactRequest, ContactQuery } from '#shared/api.ts'
import { asErrorCode, PublicError } from '#shared/errors.ts'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { conversationReference } from '../conversation-reference.ts'
import { contactExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { ContactRow } from '../rows.ts'
import { schemas } from '../schemas.ts'
import type { UserDatabase } from '../user-database.ts'

/** One person: what is known of them, and blocking them. */
export function contactRoutesOfOne({ authenticate, waits, now }: RouteDependencies): Routes {
  const read = createRoute({
    method: 'get',
    path: '/api/whatsapp/contact',
    tags: ['contacts'],
    summary: 'One contact',
    description:
      '`contactId` is the uuid, also of a contact that was merged into another one, or any JID that the person ever had.',
    security: bearer,
    middleware: [authenticate] as const,
    request: { query: ContactQuery },
    responses: {
      200: jsonAnswer('The contact.', schemas.contact, { success: true, contact: contactExample }),
      ...errorAnswers('invalid_request', 'not_found'),
    },
  })

  const block = createRoute({
    method: 'post',
    path: '/api/whatsapp/block_contact',
    tags: ['contacts'],
    summary: 'Block or unblock a person',
    description:
      'On WhatsApp, for the phone and all linked devices; waits up to 15 seconds. Who is blocked reaches neither. What is blocked on ' +
      'the phone shows here, too.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: {
          'application/json': {
            schema: BlockContactRequest,
            example: { contactId: '1234567890@s.whatsapp.net', blocked: true },
          },
        },
      },
    },
    responses: {
      200: jsonAnswer('The contact as it is now.', schemas.contact, {
        success: true,
        contact: { ...contactExample, blocked: true },
      }),
      202: jsonAnswer('The request is kept and will be carried out; ask `contact` whether it was.', schemas.contact, {
        success: true,
        contact: contactExample,
      }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'not_found',
        'session_not_linked',
        'number_unknown',
        'idempotency_conflict',
        'payload_too_large',
      ),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(read, async (c) => {
      const contact = await readContact(c.get('database'), c.req.valid('query').contactId)
      return c.json({ success: true as const, contact }, 200)
    })
    .openapi(block, async (c) => {
      const database = c.get('database')
      const { contactId, blocked } = c.req.valid('json')
      const { contact_id, command_id, replayed } = await database.call(
        'block_contact',
        { p_contact: conversationReference(contactId), p_blocked: blocked, p_idempotency_key: idempotencyKeyOf(c) },
        Requested,
      )
      markReplayed(c, replayed)
      const done =
        command_id === null ||
        (await pollUntil(
          async () => isDone(await database.call('command_result', { p_command_id: command_id }, State)),
          {
            ...waits.startConversation,
            signal: c.req.raw.signal,
            now,
          },
        ))
      const contact = await readContact(database, contact_id)
      return c.json({ success: true as const, contact }, done ? 200 : 202)
    })
}

const Requested = z.object({
  contact_id: z.uuid(),
  command_id: z.number().int().nullable(),
  replayed: z.boolean().optional(),
})
const State = z.object({ status: z.enum(['queued', 'claimed', 'done', 'dead']), error_code: z.string().nullish() })

async function readContact(database: UserDatabase, reference: string) {
  const [row] = await database.call(
    'get_contact',
    { p_contact: conversationReference(reference) },
    z.tuple([z.looseObject({})]),
  )
  return ContactRow.parse(row)
}

/** True when it is done, null while it runs. Fails with the command's own error. */
function isDone(state: z.output<typeof State>): true | null {
  if (state.status === 'dead')
    throw new PublicError(asErrorCode(state.error_code) ?? 'internal', { detail: 'block_contact is dead' })
  return state.status === 'done' ? true : null
}
