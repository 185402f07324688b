import type { MiddlewareHandler } from 'hono'

const methods = 'GET, HEAD, POST'
const requestHeaders =
  'Authorization, Content-Type, Accept-Language, Idempotency-Key, X-Request-Id, apikey, x-client-info'
const exposedHeaders = 'X-Request-Id, Idempotent-Replayed, Retry-After, Content-Language, Allow'
const preflightSeconds = '600'

/**
 * Cross-origin requests, with credentials, for the listed origins; any other origin gets no CORS header at all, and its browser
 * then keeps the answer from the page. Answers preflights (https://fetch.spec.whatwg.org/#cors-preflight-fetch) by itself.
 */
export function allowOrigins(origins: readonly string[]): MiddlewareHandler {
  const listed = new Set(origins)
  return async (c, next) => {
    const origin = c.req.header('origin')
    const allowed = origin !== undefined && listed.has(origin)
    if (c.req.method === 'OPTIONS' && origin !== undefined && c.req.header('access-control-request-method')) {
      c.res = new Response(null, { status: 204 })
      if (allowed) {
        c.header('Access-Control-Allow-Methods', methods)
        c.header('Access-Control-Allow-Headers', requestHeaders)
        c.header('Access-Control-Max-Age', preflightSeconds)
      }
    } else {
      await next()
    }
    if (!allowed) return
    c.header('Access-Control-Allow-Origin', origin)
    c.header('Access-Control-Allow-Credentials', 'true')
    c.header('Access-Control-Expose-Headers', exposedHeaders)
  }
}
