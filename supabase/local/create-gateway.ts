import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'

/** One service behind the gateway. */
export interface Part {
  /** Answers a request for `<prefix>/<path>`; `path` has no leading slash and no query. */
  fetch(request: Request, path: string): Promise<Response>
  /** Takes over a connection that asks for an upgrade (WebSocket). */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** The part answers CORS itself, preflights included. */
  ownCors?: boolean
}

export interface Gateway extends AsyncDisposable {
  port: number
}

/**
 * The HTTP server in front of the parts, on 127.0.0.1 only. `parts` maps a path prefix such as `/rest/v1` to its part.
 * Cross-origin requests are allowed from anywhere, as on the platform: keys and tokens decide, no cookie does.
 */
export async function createGateway(
  port: number,
  parts: (port: number) => Promise<Map<string, Part>>,
): Promise<Gateway> {
  let routes = new Map<string, Part>()
  const listener = getRequestListener((request) => answer(request, routes).catch(internalError), {
    overrideGlobalObjects: false,
  })
  const server = createServer((request, response) => void listener(request, response))
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket)
    socket.on('close', () => upgraded.delete(socket))
    const found = find(new URL(request.url ?? '/', 'http://gateway').pathname, routes)
    if (found?.part.upgrade) found.part.upgrade(request, socket, head)
    else socket.end('HTTP/1.1 501 Not Implemented\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  try {
    routes = await parts(bound)
  } catch (error) {
    server.close()
    throw error
  }
  return {
    port: bound,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy() // those the server no longer counts among its own
      await closed
    },
  }
}

async function answer(request: Request, routes: Map<string, Part>): Promise<Response> {
  const { pathname } = new URL(request.url)
  const found = find(pathname, routes)
  if (found?.part.ownCors) return found.part.fetch(request, found.path)
  if (request.method === 'OPTIONS') return preflight(request)
  const response = found ? await found.part.fetch(request, found.path) : noRoute(pathname)
  const headers = new Headers(response.headers)
  headers.set('access-control-allow-origin', '*')
  headers.set('access-control-expose-headers', exposed)
  headers.append('vary', 'Origin')
  return new Response(response.body, { status: response.status, headers })
}

const exposed = [
  'Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Link, Location, Server, Transfer-Encoding',
  'Range-Unit, X-Total-Count, X-Supabase-Api-Version',
].join(', ')

function preflight(request: Request): Response {
  return new Response(null, {
    status: 200,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS',
      'access-control-allow-headers': request.headers.get('access-control-request-headers') ?? '*',
      'access-control-max-age': '3600',
      vary: 'Origin, Access-Control-Request-Headers',
    },
  })
}

function find(pathname: string, routes: Map<string, Part>): { part: Part; path: string } | undefined {
  for (const [prefix, part] of routes) {
    if (pathname === prefix) return { part, path: '' }
    if (pathname.startsWith(`${prefix}/`)) return { part, path: pathname.slice(prefix.length + 1) }
  }
  return undefined
}

/** A part that fails without an answer of its own; what it threw may hold anything, so that nothing of it leaves. */
function internalError(): Response {
  return Response.json(
    { code: 'internal_error', message: 'The embedded gateway failed to answer this request.' },
    { status: 500, headers: { 'access-control-allow-origin': '*' } },
  )
}

function noRoute(pathname: string): Response {
  if (pathname === '/')
    return Response.json({ status: 'ok', name: 'embedded Supabase', purpose: 'development and tests only' })
  return Response.json({ message: 'no Route matched with those values' }, { status: 404 })
}
