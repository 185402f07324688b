import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { PairingCodeRequest } from '#shared/api.ts'
import { parsePhone } from '#shared/contact.ts'
import { asErrorCode, PublicError } from '#shared/errors.ts'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { linkFailure } from '../link-failure.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { LinkState } from '../rows.ts'
import { schemas } from '../schemas.ts'

/** Linking without a camera: a code to type on the phone. */
export function pairingCodeRoutes({ authenticate, waits, now }: RouteDependencies): Routes {
  const route = createRoute({
    method: 'post',
    path: '/api/whatsapp/pairing_code',
    tags: ['session'],
    summary: 'A code to link a phone with',
    description:
      'Starts linking when none is running and waits up to 20 seconds for the code. On the phone: Linked devices, Link a device, ' +
      'Link with phone number instead. A code that is still valid is answered again; another number replaces it. What it links ' +
      'shows in `session`.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: { 'application/json': { schema: PairingCodeRequest, example: { phone: '+1 234 567 890' } } },
      },
    },
    responses: {
      200: jsonAnswer('The code, and until when it holds.', schemas.pairingCode, {
        success: true,
        data: { code: 'ABCD-1234', expires_at: '2025-01-20T10:02:40.000Z' },
      }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'invalid_phone',
        'already_linked',
        'idempotency_conflict',
        'payload_too_large',
        'pairing_refused',
        'whatsapp_timeout',
      ),
    },
  })

  return new OpenAPIHono<ApiEnv>().openapi(route, async (c) => {
    const database = c.get('database')
    const phone = parsePhone(c.req.valid('json').phone)
    if (phone === null) throw new PublicError('invalid_phone', { param: 'phone' })
    const { replayed } = await database.call(
      'request_pairing_code',
      { p_phone: phone, p_idempotency_key: idempotencyKeyOf(c) },
      z.object({ replayed: z.boolean().optional() }),
    )
    markReplayed(c, replayed)
    const state = await pollUntil(
      async () => {
        const current = await database.call('link_state', {}, LinkState)
        return isDecided(current, phone) ? current : null
      },
      { ...waits.qr, signal: c.req.raw.signal, now },
    )
    if (!state) throw new PublicError('whatsapp_timeout', { detail: 'no pairing code in time' })
    if (state.linked_at) throw new PublicError('already_linked')
    if (state.status !== 'linking') throw linkFailure(state.status_reason, c.get('language'))
    // Somebody else's tab asked for another number meanwhile.
    if (state.pairing_phone !== phone)
      throw new PublicError('whatsapp_timeout', { detail: 'another number was asked for' })
    if (state.pairing_error) throw new PublicError(asErrorCode(state.pairing_error) ?? 'pairing_refused')
    const data = { code: state.pairing_code ?? '', expires_at: state.pairing_code_expires_at ?? '' }
    return c.json({ success: true as const, data }, 200)
  })
}

/** A code, a refusal, or the end of the attempt. */
function isDecided(state: LinkState, phone: string): boolean {
  if (state.status !== 'linking') return true
  if (state.pairing_phone !== phone) return true
  return Boolean(state.pairing_error) || Boolean(state.pairing_code && state.pairing_code_expires_at)
}
