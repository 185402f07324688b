import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { PublicError } from '#shared/errors.ts'
import type { ApiEnv, RouteDependencies, Routes } from '../api-env.ts'
import { linkFailure } from '../link-failure.ts'
import { bearer, errorAnswers, jsonAnswer } from '../openapi.ts'
import { pollUntil } from '../poll-until.ts'
import { LinkState } from '../rows.ts'
import { schemas } from '../schemas.ts'

const messages = {
  scan: { es: 'Escanea este código QR con WhatsApp', en: 'Scan this QR code with WhatsApp' },
  connected: { es: 'WhatsApp ya está conectado', en: 'WhatsApp is already connected' },
}

/** Linking a phone. */
export function qrRoutes({ authenticate, waits, now }: RouteDependencies): Routes {
  const route = createRoute({
    method: 'get',
    path: '/api/whatsapp/qr',
    tags: ['session'],
    summary: 'The QR code to link a phone with',
    description:
      'Starts linking when none is running and waits up to 20 seconds for the QR code. A linked number answers ' +
      '`connected: true` without one. Codes change about every 20 seconds: ask again until connected.',
    security: bearer,
    middleware: [authenticate] as const,
    responses: {
      200: jsonAnswer('The QR code as a PNG data URL, or that the number is linked.', schemas.qr, {
        success: true,
        message: messages.scan.es,
        connected: false,
        data: { qr: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA', expires_at: '2025-01-20T10:00:20.000Z' },
      }),
      ...errorAnswers('whatsapp_timeout'),
    },
  })

  return new OpenAPIHono<ApiEnv>().openapi(route, async (c) => {
    const database = c.get('database')
    const language = c.get('language')
    await database.call('request_link', {}, z.object({ status: z.string() }))
    const state = await pollUntil(
      async () => {
        const current = await database.call('link_state', {}, LinkState)
        return isDecided(current) ? current : null
      },
      { ...waits.qr, signal: c.req.raw.signal, now },
    )
    if (!state) throw new PublicError('whatsapp_timeout', { detail: 'no QR in time' })
    c.header('Content-Language', language)
    if (state.status === 'connected')
      return c.json({ success: true as const, message: messages.connected[language], connected: true }, 200)
    if (!state.qr || !state.qr_expires_at) throw linkFailure(state.status_reason, language)
    const data = { qr: state.qr, expires_at: state.qr_expires_at }
    return c.json({ success: true as const, message: messages.scan[language], connected: false, data }, 200)
  })
}

/** Linked, a QR to show, or given up. The statuses between those pass. */
function isDecided(state: LinkState): boolean {
  return Boolean(state.qr) || ['connected', 'unlinked', 'logged_out', 'stopped'].includes(state.status)
}
