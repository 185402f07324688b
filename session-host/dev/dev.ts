import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'

const help = `The whole product on embedded parts, in the foreground.

  npm run dev -- [options]

  --port N        port of the console, REST and Socket.IO (default 5001; the next free one when it is taken)
  --data FOLDER   where data persist (default .data/dev)
  --fresh         delete those data first
  --verbose       show the logs of the parts
`

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `Node.js 24 or newer is needed, this is ${process.version}. On Linux "npm ci" brings it along.\n`,
  )
  process.exit(1)
}
if (process.env['NODE_ENV'] === 'production') {
  process.stderr.write('npm run dev runs embedded parts and a simulator, which production refuses. Use npm start.\n')
  process.exit(78)
}

const { values } = readArguments()
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

const startedAt = performance.now()
process.stderr.write('Starting Postgres, gateway, simulator and session-host …\n')
// Everything is compiled at the first start only; and it is imported here so that the line above comes at once.
enableCompileCache(join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'compile'))
const { startDev } = await import('./start-dev.ts')
const dev = await startDev({
  dataDir: values.data,
  fresh: values.fresh,
  ports: { console: Number(values.port), gateway: 54321, database: 54322, simulator: 5002 },
  onLine: (line) => {
    if (values.verbose) process.stderr.write(`${line}\n`)
  },
}).catch((error: unknown) => {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\nIt could not start.\n`)
  process.exit(1)
})
process.stdout.write(`
  Console           ${dev.url}
  Login             ${dev.login.email}
  Password          ${dev.login.password}
  Simulated phone   ${dev.simulatorUrl}
  REST reference    ${dev.url}/api/docs
  Supabase          ${dev.supabaseUrl}

Ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Sign in, then scan the QR with the simulated phone. Ctrl-C stops.
`)

const reason = await Promise.race([
  dev.ended,
  new Promise<null>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(null))
  }),
])
process.once('SIGINT', () => process.exit(130))
process.stderr.write(reason ? `\n${reason}; stopping.\n` : '\nStopping … (Ctrl-C again leaves at once)\n')
await dev[Symbol.asyncDispose]()
process.exit(reason ? 1 : 0)

function readArguments() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: process.env['PORT'] ?? '5001' },
        data: { type: 'string', default: '.data/dev' },
        fresh: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    process.exit(2)
  }
}
