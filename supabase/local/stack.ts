import process from 'node:process'
import { parseArgs } from 'node:util'
import { createStack, EmbeddedInProduction, type Stack } from './create-stack.ts'
import { DataFolderInUse } from './data-folder.ts'

const help = `The embedded Supabase alone, in the foreground: Postgres with migrations, and the gateway (rest, auth, storage,
realtime, functions).

  npm run stack -- [options]

  --port N           port of the gateway (default 54321; the next free one when it is taken)
  --database-port N  port of Postgres (default 54322; the next free one when it is taken)
  --data FOLDER      where data persist (default .data/stack)
  --fresh            delete those data first
  --no-functions     without the edge functions
`

/** Not an error of ours: the person or the environment asked for something that can't be (sysexits EX_USAGE, EX_CONFIG). */
const usageError = 64
const configurationError = 78

await main()

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (!options) return
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
    process.once('SIGHUP', () => resolve())
  })
  let stack: Stack
  try {
    stack = await createStack({ ...options, log: say })
  } catch (error) {
    say((error as Error).message)
    process.exitCode =
      error instanceof EmbeddedInProduction ? configurationError : error instanceof DataFolderInUse ? 69 : 1
    return
  }
  reportPorts(stack, options)
  for (const [name, value] of Object.entries(stack.environment)) process.stdout.write(`${name}=${value}\n`)
  process.stdout.write('ready\n')
  const ended = await Promise.race([
    stopped,
    stack.databaseEnded.then((code) => `Postgres ended by itself (exit code ${code})`),
  ])
  if (typeof ended === 'string') {
    say(ended)
    process.exitCode = 1
  }
  await stack[Symbol.asyncDispose]()
}

interface Options {
  port: number
  databasePort: number
  dataDir: string
  fresh: boolean
  functions: false | { warm: true }
}

function readOptions(args: string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: 'string', default: '54321' },
        'database-port': { type: 'string', default: '54322' },
        data: { type: 'string', default: '.data/stack' },
        fresh: { type: 'boolean', default: false },
        functions: { type: 'boolean', default: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowNegative: true,
    })
    if (values.help) {
      process.stdout.write(help)
      return undefined
    }
    return {
      port: portNumber('--port', values.port),
      databasePort: portNumber('--database-port', values['database-port']),
      dataDir: values.data,
      fresh: values.fresh,
      functions: values.functions && { warm: true },
    }
  } catch (error) {
    say((error as Error).message)
    process.stderr.write(`\n${help}`)
    process.exitCode = usageError
    return undefined
  }
}

function portNumber(option: string, text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`${option} takes a port number from 0 to 65535, not "${text}"`)
}

function reportPorts(stack: Stack, wanted: Options): void {
  const gateway = Number(new URL(stack.url).port)
  const database = Number(new URL(stack.adminDatabaseUrl).port)
  if (wanted.port !== 0 && gateway !== wanted.port)
    say(`port ${wanted.port} is taken: the gateway listens on ${gateway}`)
  if (wanted.databasePort !== 0 && database !== wanted.databasePort)
    say(`port ${wanted.databasePort} is taken: Postgres listens on ${database}`)
  say(`data in ${stack.folder}`)
}

function say(line: string): void {
  process.stderr.write(`stack: ${line}\n`)
}
