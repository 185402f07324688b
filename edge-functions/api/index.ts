import { createApp } from './app.ts'
import { hostedOptions } from './hosted-options.ts'

declare const Deno: { env: { get(name: string): string | undefined } }

let app: ReturnType<typeof createApp> | undefined

/**
 * Entry of the Supabase function `api`, which the platform serves below `/functions/v1`. The environment is read with the first
 * request; when it will not do, every request fails and the function's log names the variables.
 */
export default {
  fetch(request: Request): Response | Promise<Response> {
    app ??= createApp({ ...hostedOptions((name) => Deno.env.get(name)), onFailure: logFailure })
    return app.fetch(request)
  },
}

/** The platform keeps what a function writes to the console as its log. */
function logFailure(failure: object): void {
  // oxlint-disable-next-line no-console
  console.error(JSON.stringify({ level: 'error', ...failure }))
}
