import { HTTPException } from 'hono/http-exception'
import { describeError, PublicError, toPublicError } from '#shared/errors.ts'
import type { ApiContext } from './api-env.ts'

/** What a log may know of a failure: no token, no text, no number. */
export interface FailureReport {
  requestId: string
  method: string
  path: string
  status: number
  code: string
  /** Which part failed and how, in codes and names. */
  detail: string
}

/** Seconds after which a retry makes sense, where that is known. */
const retryAfter: Partial<Record<string, number>> = { unavailable: 5, rate_limited: 10 }

/**
 * Any thrown value as the answer of the contract: `{success: false, error: {code, message, …}}` in the caller's language, with
 * the status of the error table. The only place where errors become HTTP.
 */
export function errorResponse(c: ApiContext, thrown: unknown, report?: (failure: FailureReport) => void): Response {
  const error = thrown instanceof HTTPException ? fromHono(thrown) : toPublicError(thrown)
  const language = c.get('language')
  const { status, retryable, message } = describeError(error.code, language)
  const requestId = c.get('requestId')
  const seconds = retryAfter[error.code]
  if (status === 401) c.header('WWW-Authenticate', challenge(error))
  if (seconds !== undefined) c.header('Retry-After', String(seconds))
  c.header('Content-Language', language)
  // When the caller has gone, calls in its name were ended on purpose.
  if (status >= 500 && !c.req.raw.signal.aborted)
    report?.({ requestId, method: c.req.method, path: c.req.path, status, code: error.code, detail: detailOf(error) })
  const body = {
    success: false as const,
    error: {
      code: error.code,
      message: error.sentence ?? message,
      ...(error.param !== undefined && { param: error.param }),
      request_id: requestId,
      retryable,
      ...(seconds !== undefined && { retry_after: seconds }),
    },
  }
  return c.json(body, status)
}

/** Errors that the framework throws by itself while it reads a request. */
function fromHono(error: HTTPException): PublicError {
  switch (error.status) {
    case 400:
      return new PublicError('invalid_json', { cause: error })
    case 413:
      return new PublicError('payload_too_large', { cause: error })
    case 415:
      return new PublicError('invalid_request', { param: 'Content-Type', cause: error })
    default:
      return new PublicError('internal', { cause: error })
  }
}

/** RFC 6750 section 3: no error code when no token was given. */
function challenge(error: PublicError): string {
  return error.code === 'missing_token' ? 'Bearer' : 'Bearer error="invalid_token"'
}

/** Messages of unforeseen errors may quote what a user wrote, so only their name and where they came from is told. */
function detailOf(error: PublicError): string {
  const { cause } = error
  if (!(cause instanceof Error) || cause instanceof HTTPException) return error.message
  const frames = (cause.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return [`${error.code}: ${cause.name}`, ...frames.slice(0, 6)].join('\n')
}
