import process from 'node:process'

// Runs under Deno: serves the function named on the command line on a free port of loopback, and says which one.
interface DenoServe {
  args: string[]
  serve(
    options: { hostname: string; port: number; onListen(address: { port: number }): void },
    handler: (request: Request) => Response | Promise<Response>,
  ): void
}

const deno = (globalThis as unknown as { Deno: DenoServe }).Deno
const entry = (await import(deno.args[0] ?? '')) as {
  default?: { fetch?: (request: Request) => Response | Promise<Response> }
}
const handler = entry.default?.fetch
if (!handler) throw new Error('The function has no `export default { fetch }`.')
deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: ({ port }) => process.stdout.write(`serving on port ${port}\n`) },
  (request) => handler(request),
)
