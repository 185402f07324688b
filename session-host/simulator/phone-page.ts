import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import type { Hono } from 'hono'

/** Serves the built phone page at `/`, when there is one: plain files, read at each request. */
export function addPhonePage(app: Hono, folder: string): void {
  app.get('/*', async (c, next) => {
    const file = pathOf(folder, c.req.path)
    if (file === undefined) return next()
    try {
      const bytes = await readFile(file)
      return c.body(new Uint8Array(bytes), 200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
    } catch {
      return next()
    }
  })
}

/** The file that a request means, if it lies in the folder. */
function pathOf(folder: string, path: string): string | undefined {
  try {
    const plain = decodeURIComponent(path)
    const file = normalize(join(folder, plain.endsWith('/') ? `${plain}index.html` : plain))
    return file.startsWith(folder + sep) ? file : undefined
  } catch {
    return undefined
  }
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
