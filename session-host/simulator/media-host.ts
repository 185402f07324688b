import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certifyLoopback, createAuthority, pem } from './media-certificate.ts'
import { keepMedia } from './media-store.ts'
import { count, type World } from './world.ts'

/** The server that encrypted files lie on, apart from the one that messages go through. */
export interface MediaHost extends AsyncDisposable {
  /** `127.0.0.1:port`, as media_conn names it. */
  host: string
  /** The authority's certificate, DER. */
  authority: Buffer
}

/**
 * Serves `POST /mms/<kind>/<digest>` (a file comes, named by the SHA-256 of what is sent) and `GET /v/…` over TLS, whose certificate an authority made at
 * the first run has issued: clients speak nothing but https to it.
 */
export async function createMediaHost(world: World): Promise<MediaHost> {
  const authority = (world.state.mediaAuthority ??= createAuthority(Date.now()))
  const { key, certificate } = certifyLoopback(authority, Date.now())
  const server = createServer(
    { key: pem('PRIVATE KEY', key), cert: pem('CERTIFICATE', certificate) },
    (request, response) => {
      answer(world, request, response).catch((error: unknown) => {
        world.report(error)
        response.destroy()
      })
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    authority: authority.certificate,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'https://media.invalid')
  const upload = /^\/(?:o1\/)?mms\/[a-z-]+\/([\w-]{43})$/.exec(pathname)
  if (request.method === 'POST' && upload) return takeUpload(world, request, response, upload[1] ?? '')
  if (request.method === 'GET' && pathname.startsWith('/v/')) return serve(world, response, pathname)
  refuse(response, 404)
}

async function takeUpload(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  digest: string,
): Promise<void> {
  const hash = createHash('sha256')
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MAX_BYTES) return refuse(response, 413)
    hash.update(part)
    parts.push(part)
  }
  const refused = world.faults.take('refuse_uploads', '*')
  if (refused) return refuse(response, refused.status ?? 503)
  const fileEncSha256 = hash.digest()
  if (fileEncSha256.toString('base64url') !== digest) return refuse(response, 400)
  count(world, 'media_uploads')
  const directPath = keepMedia(world, Buffer.concat(parts), fileEncSha256)
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify({ url: `https://${world.mediaHost()}${directPath}`, direct_path: directPath }))
}

function serve(world: World, response: ServerResponse, path: string): void {
  count(world, 'media_downloads')
  const file = world.media.get(path)
  const trouble = world.mediaTrouble.get(path)
  if (!file || trouble === 'gone') return refuse(response, trouble === 'gone' ? 410 : 404)
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': file.length })
  if (trouble === 'truncated') {
    // Cut once; the next try gets the whole file.
    world.mediaTrouble.delete(path)
    response.write(file.subarray(0, file.length >> 1), () => response.destroy())
    return
  }
  if (trouble === 'slow') {
    // Half of it comes; the rest when nobody believes in it any more.
    response.write(file.subarray(0, file.length >> 1))
    return
  }
  response.end(file)
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify({ error: { code: status } }))
}

/** What media_conn allows and a little. */
const MAX_BYTES = 2_200_000_000
