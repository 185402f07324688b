/** An answer other than success, in PostgREST's shape (https://docs.postgrest.org/en/stable/references/errors.html). */
export class RestError extends Error {
  readonly status: number
  readonly body: RestErrorBody
  readonly headers: Record<string, string>

  constructor(
    status: number,
    body: Partial<RestErrorBody> & { code: string; message: string },
    headers: Record<string, string> = {},
  ) {
    super(body.message)
    this.status = status
    this.body = { code: body.code, details: body.details ?? null, hint: body.hint ?? null, message: body.message }
    this.headers = headers
  }

  toResponse(): Response {
    return Response.json(this.body, {
      status: this.status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'proxy-status': `PostgREST; error=${this.body.code}`,
        ...this.headers,
      },
    })
  }
}

export interface RestErrorBody {
  code: string
  details: string | null
  hint: string | null
  message: string
}

/** A request that PostgREST's grammar does not allow. */
export function badRequest(message: string, details: string | null = null): RestError {
  return new RestError(400, { code: 'PGRST100', message, details })
}

interface DatabaseError {
  code: string
  message: string
  detail?: string
  hint?: string
}

/** Translates what Postgres raised; anything else becomes a 500 that says nothing about the inside. */
export function fromDatabase(error: unknown, authenticated: boolean): RestError {
  if (error instanceof RestError) return error
  if (!isDatabaseError(error)) {
    if (error instanceof TypeError || error instanceof URIError) {
      return error instanceof URIError
        ? badRequest('The URL is not well encoded')
        : new RestError(500, { code: 'PGRSTX00', message: 'Internal error' })
    }
    return new RestError(503, { code: 'PGRST000', message: 'Database connection error. Retrying the connection.' })
  }
  if (error.code === 'PGRST') return customError(error)
  const status = statusOf(error.code, authenticated)
  return new RestError(
    status,
    { code: error.code, message: error.message, details: error.detail ?? null, hint: error.hint ?? null },
    status === 401 ? { 'www-authenticate': 'Bearer' } : {},
  )
}

function isDatabaseError(error: unknown): error is DatabaseError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^([0-9A-Z]{5}|PGRST)$/.test(error.code) &&
    'severity' in error
  )
}

/** HTTP status by SQLSTATE, PostgREST's table (https://docs.postgrest.org/en/stable/references/errors.html#http-status-codes). */
function statusOf(code: string, authenticated: boolean): number {
  const exact: Record<string, number> = {
    '23503': 409,
    '23505': 409,
    '25006': 405,
    '42501': authenticated ? 403 : 401,
    '42883': 404,
    '42P01': 404,
    '42P17': 500,
    '53400': 500,
    '57P01': 503,
    P0001: 400,
  }
  const byClass: Record<string, number> = {
    '08': 503,
    '09': 500,
    '0L': 403,
    '0P': 403,
    '25': 500,
    '28': 403,
    '2D': 500,
    '38': 500,
    '39': 500,
    '3B': 500,
    '40': 500,
    '53': 503,
    '54': 500,
    '55': 500,
    '57': 500,
    '58': 500,
    F0: 500,
    HV: 500,
    P0: 500,
    XX: 500,
  }
  const raised = /^PT(\d{3})$/.exec(code)?.[1]
  if (raised !== undefined && Number(raised) >= 200) return Number(raised)
  return exact[code] ?? byClass[code.slice(0, 2)] ?? 400
}

/** `raise sqlstate 'PGRST' using message = '{"code",…}', detail = '{"status",…}'`. */
function customError(error: DatabaseError): RestError {
  try {
    const body = JSON.parse(error.message) as RestErrorBody
    const { status, headers } = JSON.parse(error.detail ?? '') as { status: number; headers?: Record<string, string> }
    return new RestError(status, body, headers ?? {})
  } catch {
    return new RestError(500, {
      code: 'PGRST121',
      message: 'Could not parse JSON in the "RAISE SQLSTATE \'PGRST\'" error',
      details: 'MESSAGE and DETAIL must be JSON objects',
    })
  }
}
