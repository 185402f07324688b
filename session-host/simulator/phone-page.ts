import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import type { Hono } from 'hono'

/** Serves the built phone page at `/`, when there is one: plain files, read at each request. */
export function addPhonePage(app: Hono, folder: string): void {
  app.get('/*', async (c, next) => {
    const path = decodeURIComponent(c.req.path)
    const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path))
    if (!file.startsWith(folder)) return next()
    try {
      const bytes = await readFile(file)
      return c.body(new Uint8Array(bytes), 200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
    } catch {
      return next()
    }
  })
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
}
