import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { docsPage } from './docs-page.ts'
import { consoleFiles } from './console-files.ts'

export interface WebServerOptions {
  /** The REST app, with every path below /api. */
  api: { fetch(request: Request): Response | Promise<Response> }
  /** What the console needs to know, served as /config.json. */
  consoleConfig: { supabaseUrl: string; publishableKey: string; simulatorUrl: string | null }
  /** Folder of the built console; pages are answered with a hint while it is missing. */
  consoleFolder: string
  /** Whether the host can do its work: for load balancers. */
  isReady: () => Promise<boolean>
  /** What is wrong with this process, in words; empty when nothing is. */
  warnings: () => string[]
  /** Serves /metrics. */
  metrics: Hono
}

/** The host's HTTP server: REST, its documentation, the console, health. It does not listen yet. */
export function createWebServer({
  api,
  consoleConfig,
  consoleFolder,
  isReady,
  warnings,
  metrics,
}: WebServerOptions): Server {
  const app = new Hono()
  app.get('/healthz', (c) => c.json({ ok: true, warnings: warnings() }))
  app.get('/readyz', async (c) => {
    const ready = await isReady()
    return c.json({ ok: ready }, ready ? 200 : 503)
  })
  app.route('/', metrics)
  app.route('/api/docs', docsPage())
  app.all('/api/*', (c) => api.fetch(c.req.raw))
  app.get('/config.json', (c) => {
    c.header('Cache-Control', 'no-store')
    return c.json(consoleConfig)
  })
  app.route('/', consoleFiles(consoleFolder, consoleConfig))

  const listener = getRequestListener(app.fetch)
  const server = createServer((request, response) => {
    // Socket.IO answers its own path on the same server.
    if (!request.url?.startsWith('/socket.io/')) void listener(request, response)
  })
  server.headersTimeout = 20_000
  server.requestTimeout = 60_000
  return server
}
