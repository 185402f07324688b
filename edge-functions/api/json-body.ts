import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { PublicError } from '#shared/errors.ts'
import type { ApiEnv } from './api-env.ts'

/** Bytes that a request may carry. A text of 65,536 characters fits even when every one of them is escaped. */
export const maxBodyBytes = 1024 * 1024

/** Middleware: fails with payload_too_large beyond the limit, counted while it arrives when no length is announced. */
export const limitBody = bodyLimit({
  maxSize: maxBodyBytes,
  onError: () => {
    throw new PublicError('payload_too_large')
  },
})

/**
 * Middleware of a route with a body: it must be JSON and say so. Fails with invalid_request or invalid_json before any schema
 * looks at it, also for texts that Postgres cannot hold (U+0000, half a surrogate pair).
 */
export const requireJson = createMiddleware<ApiEnv>(async (c, next) => {
  if (!/^application\/json *(;|$)/i.test(c.req.header('content-type') ?? '')) {
    const sentence = { es: 'Content-Type debe ser application/json.', en: 'Content-Type must be application/json.' }
    throw new PublicError('invalid_request', { param: 'Content-Type', sentence: sentence[c.get('language')] })
  }
  const text = await c.req.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new PublicError('invalid_json')
  }
  const field = unstorableField(body)
  if (field !== null) {
    const sentence = {
      es: `${field} contiene caracteres que no se pueden guardar.`,
      en: `${field} contains characters that cannot be stored.`,
    }
    throw new PublicError('invalid_request', { param: field, sentence: sentence[c.get('language')] })
  }
  await next()
})

function unstorableField(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null
  const entry = Object.entries(body).find(([, value]) => typeof value === 'string' && !isStorable(value))
  return entry?.[0] ?? null
}

/** Whether Postgres can hold a text: no U+0000 and no half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed()
}
