import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestMediaRequest, UploadRequest } from '#shared/api.ts'
import { MediaStatus } from '#shared/message.ts'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { messageExample } from '../examples.ts'
import { idempotencyHeaders, idempotencyKeyOf, markReplayed } from '../idempotency-key.ts'
import { limitBody, requireJson } from '../json-body.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { schemas } from '../schemas.ts'

/** Files: asking for one that is not here, and a place to put one that is to be sent. */
export function mediaRoutes({ authenticate }: RouteDependencies): Routes {
  const request = createRoute({
    method: 'post',
    path: '/api/whatsapp/request_media',
    tags: ['media'],
    summary: 'Fetch the medium of a message',
    description:
      'For messages whose `media_status` is `pending` (not fetched), `failed` or `expired`: it is fetched from WhatsApp as soon as the ' +
      'session is connected, and asked of the phone when WhatsApp no longer has it. The event `message.updated` tells when it is there.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      headers: idempotencyHeaders,
      body: {
        required: true,
        content: { 'application/json': { schema: RequestMediaRequest, example: { messageId: messageExample.id } } },
      },
    },
    responses: {
      202: jsonAnswer('Where the medium is now.', schemas.requestedMedia, {
        success: true,
        message_id: messageExample.id,
        media_status: 'pending',
      }),
      ...errorAnswers(
        'invalid_request',
        'invalid_json',
        'message_not_found',
        'media_not_found',
        'media_expired',
        'idempotency_conflict',
        'payload_too_large',
      ),
    },
  })

  const upload = createRoute({
    method: 'post',
    path: '/api/whatsapp/uploads',
    tags: ['media'],
    summary: 'An address to upload a file to',
    description:
      'PUT the bytes to `url` from a browser or a server, then send the message with `attachments: [{path}]`. supabase-js can upload to ' +
      'your folder of the bucket `media` (`<your id>/…`) as well, without this.',
    security: bearer,
    middleware: [authenticate, limitBody, requireJson] as const,
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: UploadRequest, example: { fileName: 'factura.pdf' } } },
      },
    },
    responses: {
      201: jsonAnswer('Where the file goes. The address is good for one upload, within two hours.', schemas.upload, {
        success: true,
        upload: {
          path: '2f1d…/uploads/8c1e…/factura.pdf',
          url: 'https://project.supabase.co/storage/v1/object/upload/sign/media/2f1d…/uploads/8c1e…/factura.pdf?token=…',
          token: 'eyJ…',
          expires_at: '2025-01-20T12:00:00.000Z',
        },
      }),
      ...errorAnswers('invalid_request', 'invalid_json', 'payload_too_large'),
    },
  })

  return new OpenAPIHono<ApiEnv>()
    .openapi(request, async (c) => {
      const { messageId } = c.req.valid('json')
      const { message_id, media_status, replayed } = await c
        .get('database')
        .call('request_media', { p_message_id: messageId, p_idempotency_key: idempotencyKeyOf(c) }, Requested)
      markReplayed(c, replayed ?? false)
      return c.json({ success: true as const, message_id, media_status }, 202)
    })
    .openapi(upload, async (c) => {
      const { fileName } = c.req.valid('json')
      // The name is for people; the place is made here, so that no name leads anywhere else.
      const path = `${c.get('caller').userId}/uploads/${crypto.randomUUID()}/${storageName(fileName)}`
      const { url, token } = await c.get('database').signUpload(path)
      const expires_at = new Date(Date.now() + uploadMs).toISOString()
      return c.json({ success: true as const, upload: { path, url, token, expires_at } }, 201)
    })
}

const Requested = z.object({ message_id: z.uuid(), media_status: MediaStatus, replayed: z.boolean().optional() })

/** What Storage's signed uploads are good for, in ms. */
const uploadMs = 7_200_000

/** Storage takes letters, digits and some signs of ASCII in a name. */
function storageName(fileName: string): string {
  const name = fileName
    .normalize('NFD')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^\.+/, '')
  return name.slice(-100) || 'file'
}
