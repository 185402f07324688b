import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'

/** The built console: its files, index.html for every other path, and a policy that lets it talk to this host and Supabase only. */
export function consoleFiles(
  folder: string,
  { supabaseUrl, simulatorUrl }: { supabaseUrl: string; simulatorUrl: string | null },
): Hono {
  const app = new Hono()
  const supabase = supabaseUrl.replace(/^http/, 'ws')
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        // Styles of elements are set by the virtual lists; scripts come from files only.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:', supabaseUrl],
        mediaSrc: ["'self'", 'blob:', supabaseUrl],
        connectSrc: ["'self'", 'ws:', 'wss:', supabaseUrl, supabase, ...(simulatorUrl ? [simulatorUrl] : [])],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
      crossOriginResourcePolicy: 'same-origin',
      referrerPolicy: 'no-referrer',
    }),
  )
  app.use('/assets/*', async (c, next) => {
    await next()
    // Vite puts a hash of the content into these names.
    if (c.res.ok) c.header('Cache-Control', 'public, max-age=31536000, immutable')
  })
  app.get('*', serveStatic({ root: folder }))
  app.get('*', (c) => {
    if (!existsSync(join(folder, 'index.html')))
      return c.text('The console is not built yet: npm run build\nLa consola no está compilada: npm run build\n', 503)
    if (c.req.path.startsWith('/assets/') || !(c.req.header('accept') ?? '').includes('text/html')) return c.notFound()
    return serveStatic({ root: folder, path: 'index.html' })(c, async () => {}) as Promise<Response>
  })
  return app
}
