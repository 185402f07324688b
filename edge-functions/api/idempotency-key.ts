import { z } from '@hono/zod-openapi'
import { PublicError } from '#shared/errors.ts'
import type { ApiContext } from './api-env.ts'

const idempotencyHeader = 'Idempotency-Key'

/** The header as the OpenAPI document describes it. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z.string().optional().openapi({ description: '1 to 255 characters, quoted or bare.' }),
})

/** The key of a request, or null. Fails with invalid_request when it has the wrong form. */
export function idempotencyKeyOf(c: ApiContext): string | null {
  return parseIdempotencyKey(c.req.header(idempotencyHeader))
}

/** Marks an answer that repeats the first one of its key. */
export function markReplayed(c: ApiContext, replayed: boolean | undefined): void {
  if (replayed) c.header('Idempotent-Replayed', 'true')
}

/**
 * The key of an Idempotency-Key header: quoted as draft-ietf-httpapi-idempotency-key-header writes it (a string of RFC 8941:
 * printable ASCII, `\"` and `\\` escaped) or bare as most clients send it; both forms of one key are the same key. Null when
 * there is no header; fails with invalid_request unless it has 1 to 255 characters.
 */
export function parseIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(header.trim())?.[1]
  const key = quoted === undefined ? header.trim() : quoted.replaceAll(/\\(["\\])/g, '$1')
  const bare = quoted !== undefined || /^[\x21\x23-\x7e][\x20-\x7e]*$/.test(key)
  if (!bare || key.length < 1 || key.length > 255)
    throw new PublicError('invalid_request', { param: idempotencyHeader })
  return key
}
