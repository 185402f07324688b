import { createApp } from './app.ts'
import { hostedOptions } from './hosted-options.ts'

declare const Deno: { env: { get(name: string): string | undefined } }

let app: ReturnType<typeof createApp> | undefined

/**
 * Entry of the Supabase function `api`, which the platform serves below `/functions/v1`. The environment is read with the first
 * request; while it will not do, every request is answered with 500 and the function's log names the variables.
 */
export default {
  fetch(request: Request): Response | Promise<Response> {
    try {
      app ??= createApp({ ...hostedOptions((name) => Deno.env.get(name)), onFailure: logFailure })
    } catch (error) {
      logFailure({ detail: error instanceof Error ? error.message : 'the environment cannot be read' })
      const message = 'La función no está configurada. / The function is not configured.'
      return Response.json({ success: false, error: { code: 'internal', message } }, { status: 500 })
    }
    return app.fetch(request)
  },
}

/** The platform keeps what a function writes to the console as its log. */
function logFailure(failure: object): void {
  // oxlint-disable-next-line no-console
  console.error(JSON.stringify({ level: 'error', ...failure }))
}
