/** A refusal in the shape of Supabase Auth (https://supabase.com/docs/guides/auth/debugging/error-codes). */
export class AuthError extends Error {
  readonly status: number
  readonly code: string
  readonly details: Record<string, unknown>

  constructor(status: number, code: string, message: string, details: Record<string, unknown> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }

  /** The shape depends on the API version that the client names in `x-supabase-api-version`. */
  toResponse(request: Request): Response {
    const version = request.headers.get('x-supabase-api-version')
    return version !== null && version >= '2024-01-01'
      ? Response.json(
          { code: this.code, message: this.message, ...this.details },
          { status: this.status, headers: { 'x-supabase-api-version': '2024-01-01' } },
        )
      : Response.json(
          { code: this.status, error_code: this.code, msg: this.message, ...this.details },
          { status: this.status },
        )
  }
}
