import { parseArgs } from 'node:util'
import { createSimulator } from './simulator.ts'

const USAGE = `Usage: npm run simulator -- [--port N] [options]

A WhatsApp server and its phones, on 127.0.0.1. Prints its addresses, then "ready".

  --port N            TCP port, 0 for any free one (default 0)
  --seed S            keys, LIDs and ids follow from it
  --data DIR          keep the whole state in DIR over restarts
  --receipt-delay MS  how long a phone takes to confirm a delivery (default 250)
  --exit-with-stdin   stop when standard input ends
  --parent-pid PID    stop when that process is gone
  --help              this text
`

const options = readOptions()
// libsignal prints whole sessions with their private keys through console.
for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) console[method] = () => undefined
const simulator = await createSimulator({
  ...options.simulator,
  onError: (error) =>
    process.stderr.write(`simulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`),
}).catch((error: unknown) => {
  process.stderr.write(`simulator: cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
process.stdout.write(
  `WHATSAPP_WEB_SOCKET_URL=${simulator.webSocketUrl}\n` +
    `WHATSAPP_ROOT_CERT_KEY=${simulator.rootCertKey}\n` +
    `WHATSAPP_MEDIA_CA_CERT=${simulator.mediaCaCert}\n` +
    `SIMULATOR_URL=${simulator.url}\nready\n`,
)
let stopping = false
process.once('SIGINT', () => void stop(130))
process.once('SIGTERM', () => void stop(0))
// A reader of our output that went away is no reason to lose the state.
process.stdout.on('error', () => undefined)
if (options.exitWithStdin)
  process.stdin
    .resume()
    .once('end', () => void stop(0))
    .once('error', () => void stop(0))
if (options.parentPid !== undefined) watchParent(options.parentPid)

async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  await simulator[Symbol.asyncDispose]()
  process.exit(code)
}

function watchParent(pid: number): void {
  setInterval(() => {
    try {
      process.kill(pid, 0)
    } catch {
      void stop(0)
    }
  }, 1000).unref()
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '0' },
        seed: { type: 'string' },
        data: { type: 'string' },
        'receipt-delay': { type: 'string', default: '250' },
        'exit-with-stdin': { type: 'boolean', default: false },
        'parent-pid': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(USAGE)
      process.exit(0)
    }
    const { seed, data } = values
    const parentPid = values['parent-pid']
    return {
      simulator: {
        port: wholeNumber('--port', values.port, 65_535),
        receiptDelayMs: wholeNumber('--receipt-delay', values['receipt-delay'], 600_000),
        ...(seed !== undefined && { seed }),
        ...(data !== undefined && { dataDir: data }),
      },
      exitWithStdin: values['exit-with-stdin'],
      parentPid: parentPid === undefined ? undefined : wholeNumber('--parent-pid', parentPid, 2 ** 31),
    }
  } catch (error) {
    process.stderr.write(`simulator: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    process.exit(2)
  }
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > max)
    throw new Error(`${option} is to be a whole number up to ${max}, not "${text}"`)
  return value
}
